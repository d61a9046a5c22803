/** nginx with pages of all kinds: HTTP/1 on 8080, HTTP/2 without TLS on 8082, TLS on 8443. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import type { World } from '../world.ts';
import { PeerServer } from './peer-server.ts';

/** One line of its access log. */
export interface Access {
  protocol: string;
  method: string;
  /** With the query string. */
  uri: string;
  status: number;
  /** From the first byte of the request it read to the last of the answer it sent; nginx counts milliseconds. */
  requestMs: number;
  tls: { name: string; version: string; alpn: string };
}

const LARGE_BYTES = 3_000_000;

export class Nginx extends PeerServer {
  /** `upstreamPort`: of a server in the same pod that answers what is below /slow. */
  static async start(world: World, pod: string, upstreamPort: number): Promise<Nginx> {
    const server = new Nginx(world, pod);
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.example';
    const files = ['-keyout', server.path('key.pem'), '-out', server.path('cert.pem')];
    execFileSync('openssl', [...request.split(' '), ...files], { stdio: 'pipe' });
    chmodSync(server.path('key.pem'), 0o644);
    writeFileSync(server.path('large'), Buffer.alloc(LARGE_BYTES, 'x'));
    writeFileSync(server.path('small'), 'hello\n');
    writeFileSync(server.path('nginx.conf'), configuration(server.folder, upstreamPort));
    await server.start(
      ['nginx', '-p', server.folder, '-e', server.path('error.log'), '-c', server.path('nginx.conf')],
      8080,
    );
    return server;
  }

  accesses(): Access[] {
    return this.read('access.log')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [protocol = '', method = '', uri = '', status, seconds, name = '', version = '', alpn = ''] =
          line.split('|');
        const requestMs = Number(seconds) * 1000;
        return { protocol, method, uri, status: Number(status), requestMs, tls: { name, version, alpn } };
      });
  }
}

function configuration(folder: string, upstreamPort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  ${temporary.map((it) => `${it}_temp_path ${folder}/${it};`).join(' ')}
  log_format exact '$server_protocol|$request_method|$request_uri|$status|$request_time|$ssl_server_name|$ssl_protocol|$ssl_alpn_protocol';
  access_log ${folder}/access.log exact;
  keepalive_requests 100000;
  server {
    listen 8080;
    listen [::]:8080;
    listen 8082 http2;
    listen [::]:8082 http2;
    listen 8443 ssl http2;
    listen [::]:8443 ssl http2;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    client_max_body_size 64m;
    root ${folder};
    location /created { return 201 'made'; }
    location /empty { return 204; }
    location /moved { return 302 /small; }
    location /teapot { return 418 'short and stout'; }
    location /broken { return 500 'sorry'; }
    location /away { return 503; }
    location /slow { proxy_pass http://127.0.0.1:${upstreamPort}; proxy_http_version 1.1; }
  }
}
`;
}
