// The two ends of test traffic, run inside a pod's network namespace. Prints JSON on one line.
//   server tcp|udp ADDRESS PORT NAME      answers every message with NAME; prints "ready"
//   client tcp|udp ADDRESS PORT COUNT [LOCAL]   COUNT exchanges, each on a socket of its own
//   twice udp ADDRESS PORT MILLISECONDS   one socket, two datagrams with a pause; prints "ready" before the pause
//   hold tcp ADDRESS PORT   one connection, a message every 5 ms, until an error or SIGTERM
//   hold udp ADDRESS PORT   one socket, a datagram every 5 ms, until an error or SIGTERM
import dgram from 'node:dgram';
import net from 'node:net';

const [role, protocol, address, portText, argument, local] = process.argv.slice(2);
const port = Number(portText);
const udpType = address.includes(':') ? 'udp6' : 'udp4';
const ANSWER_MS = 700;

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
function exchange() {
  return new Promise((resolve) => {
    if (protocol === 'tcp') {
      const socket = net.connect({ host: address, port, ...(local ? { localAddress: local } : {}) });
      socket.setTimeout(ANSWER_MS, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })));
      socket.on('connect', () => socket.write('hello'));
      socket.on('data', (data) => {
        socket.end();
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
    if (local) socket.bind(0, local, go);
    else go();
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
    result.received++;
    result.from[text] = (result.from[text] ?? 0) + 1;
  };
  const finish = () => {
    clearInterval(ticker);
    // Answers to what was sent last are still on their way.
    setTimeout(() => {
      console.log(JSON.stringify(result));
      process.exit(0);
    }, 300);
  };
  let ticker;
  const start = (send) => {
    console.log('ready');
    ticker = setInterval(() => {
      result.sent++;
      send();
    }, 5);
    process.once('SIGTERM', finish);
  };
  if (protocol === 'tcp') {
    const socket = net.connect({ host: address, port, noDelay: true });
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
  socket.connect(port, address, () => start(() => socket.send('x')));
}

if (role === 'server') serve();
else if (role === 'client') await ask();
else if (role === 'twice') twice();
else hold();
