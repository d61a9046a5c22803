// server PORT LOG: a gRPC service that logs each call as `METHOD STATUS` when it has answered.
// client ADDRESS PORT COUNT: COUNT calls of each method, over one connection, several at once.
import { appendFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';

const [role, ...rest] = process.argv.slice(2);
const bytes = { serialize: (it) => it, deserialize: (it) => it };
const method = (name, requestStream, responseStream) => ({
  path: `/test.v1.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});
const SERVICE = {
  unary: method('Unary', false, false),
  large: method('Large', false, false),
  refused: method('Refused', false, false),
  many: method('Many', false, true),
};

function serve(port, log) {
  const note = (name, status) => appendFileSync(log, `${name} ${status}\n`);
  const server = new grpc.Server();
  server.addService(SERVICE, {
    unary: (call, done) => (note('Unary', 0), done(null, call.request)),
    large: (_, done) => (note('Large', 0), done(null, Buffer.alloc(200_000))),
    refused: (_, done) => (note('Refused', 9), done({ code: 9, details: 'not now' })),
    many: (call) => {
      for (let i = 0; i < 20; i++) call.write(Buffer.alloc(1000));
      note('Many', 0);
      call.end();
    },
  });
  server.bindAsync(`[::]:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
}

async function ask(address, port, count) {
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'test.v1.Echo');
  const client = new Client(
    `${address.includes(':') ? `[${address}]` : address}:${port}`,
    grpc.credentials.createInsecure(),
  );
  const unary = (name) => new Promise((resolve) => client[name](Buffer.from('hello'), () => resolve()));
  const stream = () =>
    new Promise((resolve) =>
      client
        .many(Buffer.from('x'))
        .on('data', () => {})
        .on('end', resolve),
    );
  for (let i = 0; i < count; i++) await Promise.all([unary('unary'), unary('large'), unary('refused'), stream()]);
  // Named services may be asked for that are not there.
  const other = { nothing: { ...SERVICE.unary, path: '/test.v1.Nothing/Here' } };
  const Other = grpc.makeGenericClientConstructor(other, 'test.v1.Nothing');
  const stranger = new Other(client.getChannel().getTarget().replace(/^dns:/, ''), grpc.credentials.createInsecure());
  await new Promise((resolve) => stranger.nothing(Buffer.from('x'), () => resolve()));
  client.close();
  stranger.close();
}

if (role === 'server') serve(Number(rest[0]), rest[1]);
else await ask(rest[0], Number(rest[1]), Number(rest[2]));
