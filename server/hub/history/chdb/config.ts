/** Configuration of the embedded engine: what it may use of a machine that other things run on. */
import { totalmem } from 'node:os';

const MiB = 1024 ** 2;
const MAX_MEMORY = 4096 * MiB;

/**
 * The file of settings that are not a statement's (https://clickhouse.com/docs/operations/server-configuration-parameters/settings).
 * Caches are small: history is asked seldom, and the page cache is there as well.
 */
export function engineConfig(): string {
  const memory = Math.min(MAX_MEMORY, Math.floor(totalmem() / 4));
  return `<clickhouse>
  <max_server_memory_usage>${memory}</max_server_memory_usage>
  <mark_cache_size>${128 * MiB}</mark_cache_size>
  <index_mark_cache_size>${32 * MiB}</index_mark_cache_size>
  <primary_index_cache_size>${128 * MiB}</primary_index_cache_size>
  <background_pool_size>2</background_pool_size>
</clickhouse>
`;
}
