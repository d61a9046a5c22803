// One pod's part in the reachability matrix, for as long as its standard input is open. Listens for TCP and UDP on the
// ports of its first argument (separated by commas) at every address of the second, and speaks from these addresses, one
// a family, which need not be the only ones of its namespace; answers a byte to whoever writes.
// Each line of input is a command:
//   {"probe": [[protocol, address, port], ...]}   makes all of them at once
//   {"look": true}   prints [STEPS, OPEN]: how often anything came or went here so far, and how many probes have no result
//   {"end": true}    gives up what is open; prints the list of results: 1 if an answer came, else 0
// A look is answered when all that had arrived before has been read, so as long as STEPS differ, something moves.
import dgram from 'node:dgram';
import net from 'node:net';
import readline from 'node:readline';

const [portList = '', addressList = ''] = process.argv.slice(2);
const ports = portList.split(',').map(Number);
const addresses = addressList.split(',');
const isV6 = (address) => address.includes(':');
const udpType = (address) => (isV6(address) ? 'udp6' : 'udp4');
const ownAddress = (peer) => addresses.find((it) => isV6(it) === isV6(peer));

/** How often anything came or went. */
let steps = 0;

async function listen() {
  const listening = addresses.flatMap((address) =>
    ports.flatMap((port) => [
      new Promise((resolve, reject) => {
        const server = net.createServer((socket) => {
          steps++;
          socket.on('error', () => {});
          socket.end('y');
        });
        server.on('error', reject);
        server.listen({ port, host: address, backlog: 511 }, resolve);
      }),
      new Promise((resolve, reject) => {
        const socket = dgram.createSocket(udpType(address));
        socket.on('error', reject);
        socket.on('message', (_, from) => {
          steps++;
          socket.send('y', from.port, from.address, () => {});
        });
        socket.bind(port, address, resolve);
      }),
    ]),
  );
  await Promise.all(listening);
}

/** Starts a probe; `done` gets 1 or 0, once. @returns what gives it up. */
function probeTcp(address, port, done) {
  const socket = net.connect({ host: address, port, localAddress: ownAddress(address), allowHalfOpen: true });
  socket.on('connect', () => steps++);
  socket.on('data', () => done(1));
  socket.on('error', () => done(0));
  // A reset, without a FIN before it, leaves nothing in TIME_WAIT, which the next matrix could meet.
  return () => socket.resetAndDestroy();
}

function probeUdp(address, port, done) {
  const socket = dgram.createSocket(udpType(address));
  let open = true;
  socket.on('close', () => (open = false));
  socket.on('message', () => done(1));
  socket.on('error', (error) => {
    // Refused is an answer of a kind; without a socket nothing has been asked.
    if (error.code !== 'ECONNREFUSED') console.error(`${address} ${port}: ${error.message}`);
    done(0);
  });
  socket.bind(0, ownAddress(address), () => {
    socket.connect(port, address, (error) => {
      if (error) done(0);
      else socket.send('x', () => steps++);
    });
  });
  return () => open && socket.close();
}

let open = 0;
let results = [];
let givers = [];

function makeAll(probes) {
  open = probes.length;
  results = probes.map(() => undefined);
  givers = probes.map(([protocol, address, port], i) =>
    (protocol === 'tcp' ? probeTcp : probeUdp)(address, port, (result) => {
      steps++;
      if (results[i] !== undefined) return;
      results[i] = result;
      open--;
    }),
  );
}

function giveUp() {
  for (const it of givers) it();
  open = 0;
  results = results.map((it) => it ?? 0);
  return results;
}

/** Until the event loop has read once more whatever is there. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

await listen();
console.log('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { probe, look, end } = JSON.parse(line);
  if (probe) makeAll(probe);
  await turn();
  await turn();
  if (look) console.log(JSON.stringify([steps, open]));
  if (end) console.log(JSON.stringify(giveUp()));
}
process.exit(0);
