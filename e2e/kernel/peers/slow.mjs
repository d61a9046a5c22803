// slow.mjs PORT: an HTTP server that answers ?ms=N after N milliseconds, in chunks; what is posted is read first.
import { createServer } from 'node:http';

createServer((request, response) => {
  request.resume().once('end', () => {
    const url = new URL(request.url, 'http://slow');
    setTimeout(
      () => {
        response.write('first ');
        response.end('and last');
      },
      Number(url.searchParams.get('ms') ?? 0),
    );
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
