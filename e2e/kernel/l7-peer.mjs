// The two ends of HTTP traffic, run inside a pod's network namespace.
//   server http|http2 ADDRESS PORT        GET /BYTES/NUMBER is answered with so many bytes; prints "ready"
//   client http|http2 ADDRESS PORT COUNT BYTES HEADER   COUNT requests one after the other, on one connection, for
//     answers of BYTES, with a header of HEADER bytes; prints how many bytes came
import http from 'node:http';
import http2 from 'node:http2';

const [role, protocol, address, port, count, bytes, header] = process.argv.slice(2);

function serve() {
  const answer = (request, response) => {
    const [, size, number] = request.url.split('/');
    response.setHeader('x-number', number);
    response.end(Buffer.alloc(Number(size), 'b'));
  };
  const server = protocol === 'http' ? http.createServer({ maxHeaderSize: 65536 }, answer) : http2.createServer(answer);
  server.listen(Number(port), address, () => console.log('ready'));
}

const host = address.includes(':') ? `[${address}]` : address;
const padding = 'h'.repeat(Number(header));

function ask1(agent, number) {
  return new Promise((resolve, reject) => {
    const options = { agent, headers: { 'x-padding': padding } };
    http
      .get(`http://${host}:${port}/${bytes}/${number}`, options, (response) => {
        let length = 0;
        response.on('data', (data) => (length += data.length));
        response.on('end', () => resolve(length));
      })
      .on('error', reject);
  });
}

function ask2(session, number) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': `/${bytes}/${number}`, 'x-padding': padding });
    let length = 0;
    stream.on('data', (data) => (length += data.length));
    stream.on('end', () => resolve(length));
    stream.on('error', reject);
  });
}

async function ask() {
  const agent = protocol === 'http' ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
  const session = protocol === 'http' ? undefined : http2.connect(`http://${host}:${port}`);
  let length = 0;
  for (let i = 0; i < Number(count); i++) length += await (agent ? ask1(agent, i) : ask2(session, i));
  agent?.destroy();
  session?.close();
  console.log(length);
}

if (role === 'server') serve();
else await ask();
