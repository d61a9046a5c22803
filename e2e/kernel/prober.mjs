// One pod's part in the reachability matrix, for as long as its standard input is open. Listens for TCP and UDP on the
// ports of its first argument (separated by commas) at every address of the second, and speaks from these addresses, one
// a family, which need not be the only ones of its namespace; answers a byte to whoever writes.
// Each line of input is {waitMs, probes: [[protocol, address, port], ...]}; the line of output is the list of results: 1 if
// an answer came, else 0. All probes of a line are made at once, and end when no answer has come for waitMs. That time
// does not begin before the pod has heard itself, over its own addresses, where nothing can stop it.
import dgram from 'node:dgram';
import net from 'node:net';
import readline from 'node:readline';

const [portList = '', addressList = ''] = process.argv.slice(2);
const ports = portList.split(',').map(Number);
const addresses = addressList.split(',');
const isV6 = (address) => address.includes(':');
const udpType = (address) => (isV6(address) ? 'udp6' : 'udp4');
const ownAddress = (peer) => addresses.find((it) => isV6(it) === isV6(peer));

async function listen() {
  const listening = addresses.flatMap((address) =>
    ports.flatMap((port) => [
      new Promise((resolve, reject) => {
        const server = net.createServer((socket) => {
          socket.on('error', () => {});
          socket.end('y');
        });
        server.on('error', reject);
        server.listen({ port, host: address, backlog: 511 }, resolve);
      }),
      new Promise((resolve, reject) => {
        const socket = dgram.createSocket(udpType(address));
        socket.on('error', reject);
        socket.on('message', (_, from) => socket.send('y', from.port, from.address, () => {}));
        socket.bind(port, address, resolve);
      }),
    ]),
  );
  await Promise.all(listening);
}

/** Starts a probe; `done` gets 1 or 0, once. @returns what gives it up. */
function probeTcp(address, port, done) {
  const socket = net.connect({ host: address, port, localAddress: ownAddress(address) });
  socket.on('data', () => done(1));
  socket.on('error', () => done(0));
  // A reset leaves nothing in TIME_WAIT, which the next matrix could meet.
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
      else socket.send('x');
    });
  });
  return () => open && socket.close();
}

function makeAll(probes, waitMs) {
  const results = probes.map(() => undefined);
  const isOwn = probes.map(([, address]) => addresses.includes(address));
  let open = probes.length;
  let openOwn = isOwn.filter(Boolean).length;
  let heardAt = performance.now();
  return new Promise((resolve) => {
    let timer;
    const givers = probes.map(([protocol, address, port], i) =>
      (protocol === 'tcp' ? probeTcp : probeUdp)(address, port, (result) => {
        if (results[i] !== undefined) return;
        results[i] = result;
        heardAt = performance.now();
        open--;
        if (isOwn[i]) openOwn--;
        if (open === 0) end();
      }),
    );
    const isQuiet = () => openOwn === 0 && performance.now() - heardAt >= waitMs;
    const end = () => {
      clearTimeout(timer);
      for (const giveUp of givers) giveUp();
      resolve(results.map((it) => it ?? 0));
    };
    const look = () => {
      // Answers that are in, but not read yet, come first.
      if (isQuiet()) setImmediate(() => (isQuiet() ? open > 0 && end() : wait()));
      else wait();
    };
    const wait = () => {
      const rest = heardAt + waitMs - performance.now();
      timer = setTimeout(look, rest > 0 ? rest : waitMs);
    };
    wait();
  });
}

await listen();
console.log('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { probes, waitMs } = JSON.parse(line);
  const results = await makeAll(probes, waitMs);
  console.log(JSON.stringify(results));
}
process.exit(0);
