// The two ends of test traffic, run inside a pod's network namespace. Prints JSON on one line.
//   server tcp|udp ADDRESS PORT NAME      answers every message with NAME; prints "ready"
//   client tcp|udp ADDRESS PORT COUNT [LOCAL]   COUNT exchanges, each on a socket of its own
//   ports tcp|udp ADDRESS PORT FIRST COUNT  one exchange from each local port; prints the answers in their order
//   ends tcp|udp|sendto ADDRESS PORT      one exchange: the answer, and whom the process believes to talk to
//   twice udp ADDRESS PORT MILLISECONDS   one socket, two datagrams with a pause; prints "ready" before the pause
//   hold tcp|udp|sendto ADDRESS PORT [MILLISECONDS [LOCAL PORT]]   a message every 5 ms, on one connection, on one
//     socket, or on one that is not connected, until an error, SIGTERM or that time; prints "ready" when it works
import dgram from 'node:dgram';
import net from 'node:net';

const [role, protocol, address, portText, argument, last] = process.argv.slice(2);
const port = Number(portText);
/** What the last argument is depends on the role. */
const [local, count, heldPort] = [role === 'client' && last, role === 'ports' && last, role === 'hold' && last];
const udpType = address.includes(':') ? 'udp6' : 'udp4';
/** After this long there is no answer. SPYGLASS_ANSWER_MS: more, where all is slow. */
const ANSWER_MS = Number(process.env.SPYGLASS_ANSWER_MS ?? 700);

function serve() {
  if (protocol === 'tcp') {
    const server = net.createServer((socket) => {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('data', () => socket.write(argument));
    });
    server.listen(port, address, () => console.log('ready'));
    return;
  }
  const socket = dgram.createSocket(udpType);
  socket.on('message', (_, from) => socket.send(argument, from.port, from.address));
  socket.bind(port, address, () => console.log('ready'));
}

/** One exchange. Resolves with the answer, or with the error's code in angle brackets. */
function exchange(localPort) {
  return new Promise((resolve) => {
    if (protocol === 'tcp') {
      const from = { ...(local ? { localAddress: local } : {}), ...(localPort ? { localPort } : {}) };
      const socket = net.connect({ host: address, port, ...from });
      socket.setTimeout(ANSWER_MS, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })));
      socket.on('connect', () => socket.write('hello'));
      socket.on('data', (data) => {
        // A port that is to be used again must not wait in TIME_WAIT.
        if (localPort) socket.resetAndDestroy();
        else socket.end();
        socket.on('close', () => resolve(data.toString()));
      });
      socket.on('error', (error) => resolve(`<${error.code}>`));
      return;
    }
    const socket = dgram.createSocket(udpType);
    const done = (result) => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => done('<TIMEOUT>'), ANSWER_MS);
    socket.on('message', (data) => done(data.toString()));
    socket.on('error', (error) => done(`<${error.code}>`));
    const go = () => socket.connect(port, address, () => socket.send('hello'));
    if (localPort) socket.bind(localPort, go);
    else if (local) socket.bind(0, local, go);
    else go();
  });
}

async function askFromPorts() {
  const answers = [];
  for (let i = 0; i < Number(count); i++) answers.push(await exchange(Number(argument) + i));
  console.log(JSON.stringify(answers));
}

/** Prints {answer, peer, from}: getpeername of a connected socket, and the source of the datagram that came. */
function ends() {
  const seen = {};
  const timer = setTimeout(() => tell({ answer: '<TIMEOUT>' }), ANSWER_MS);
  const tell = (result) => {
    clearTimeout(timer);
    console.log(JSON.stringify({ ...seen, ...result }));
    process.exit(0);
  };
  const refused = (error) => tell({ answer: `<${error.code}>` });
  const name = (it) => `${it.address} ${it.port}`;
  if (protocol === 'tcp') {
    const socket = net.connect({ host: address, port });
    socket.on('error', refused);
    socket.on('connect', () => {
      seen.peer = name({ address: socket.remoteAddress, port: socket.remotePort });
      socket.write('hello');
    });
    socket.on('data', (data) => tell({ answer: data.toString() }));
    return;
  }
  const socket = dgram.createSocket(udpType);
  socket.on('error', refused);
  socket.on('message', (data, from) => tell({ answer: data.toString(), from: name(from) }));
  if (protocol === 'sendto') {
    socket.send('hello', port, address, (error) => error && refused(error));
    return;
  }
  socket.connect(port, address, (error) => {
    if (error) {
      refused(error);
      return;
    }
    seen.peer = name(socket.remoteAddress());
    socket.send('hello');
  });
}

async function ask() {
  const answers = {};
  for (let i = 0; i < Number(argument); i++) {
    const answer = await exchange();
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  console.log(JSON.stringify(answers));
}

function twice() {
  const socket = dgram.createSocket(udpType);
  const answers = [];
  socket.on('message', (data) => {
    answers.push(data.toString());
    if (answers.length === 1) {
      console.log('ready');
      setTimeout(() => socket.send('again'), Number(argument));
      setTimeout(
        () => {
          console.log(JSON.stringify(answers));
          process.exit(0);
        },
        Number(argument) + ANSWER_MS,
      );
    }
  });
  socket.connect(port, address, () => socket.send('once'));
}

function hold() {
  const result = { sent: 0, received: 0, from: {}, error: '' };
  const note = (data) => {
    const text = data.toString();
    if (protocol !== 'tcp' && result.received === 0) console.log('ready');
    result.received++;
    result.from[text] = (result.from[text] ?? 0) + 1;
  };
  const finish = () => {
    clearInterval(ticker);
    // Answers to what was sent last are still on their way.
    setTimeout(() => {
      console.log(JSON.stringify(result));
      process.exit(0);
    }, ANSWER_MS / 2);
  };
  let ticker;
  process.on('SIGTERM', finish);
  const start = (send) => {
    if (protocol === 'tcp') console.log('ready');
    ticker = setInterval(() => {
      result.sent++;
      send();
    }, 5);
    process.once('SIGTERM', finish);
    if (Number(argument) > 0) setTimeout(finish, Number(argument));
  };
  if (protocol === 'tcp') {
    const socket = net.connect({
      host: address,
      port,
      noDelay: true,
      ...(heldPort ? { localPort: Number(heldPort) } : {}),
    });
    socket.on('error', (error) => {
      result.error = error.code;
      finish();
    });
    socket.on('data', note);
    socket.on('connect', () => start(() => socket.write('x')));
    return;
  }
  const socket = dgram.createSocket(udpType);
  socket.on('message', note);
  socket.on('error', (error) => {
    result.error = error.code;
    finish();
  });
  if (protocol === 'sendto') start(() => socket.send('x', port, address));
  else socket.connect(port, address, () => start(() => socket.send('x')));
}

if (role === 'server') serve();
else if (role === 'client') await ask();
else if (role === 'ports') await askFromPorts();
else if (role === 'ends') ends();
else if (role === 'twice') twice();
else hold();
