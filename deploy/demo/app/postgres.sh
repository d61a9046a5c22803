# A PostgreSQL server with a fresh database of the shop, as it is in schema.sql. Everything is in /tmp, which is small.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
data=/tmp/data
settings='-c max_wal_size=8MB -c min_wal_size=2MB -c fsync=off'
"$bin/initdb" --pgdata=$data --username=shop --auth=trust --no-sync --wal-segsize=1 >/dev/null
# Who may connect is the network policies' business.
echo 'host all all all trust' >>$data/pg_hba.conf
# It reads one statement a line.
"$bin/postgres" --single -D $data $settings postgres <"$(dirname "$0")/schema.sql" >/dev/null
exec "$bin/postgres" -D $data $settings -c listen_addresses='*' -c unix_socket_directories=/tmp \
	-c shared_buffers=8MB -c dynamic_shared_memory_type=mmap
