/** Manifests of the process tests: an echo server behind a service, and a client with one connection. */

const SERVER = `require('net').createServer((c) => c.on('error', () => {}).pipe(c)).listen(7, '::')`;

/** Prints "connected" for each connection and "tick N" for each echo that came back. */
const CLIENT = `
const net = require('net');
let n = 0;
(function open() {
  const c = net.connect(7, 'echo', () => console.log('connected'));
  const timer = setInterval(() => c.write('x'), 100);
  c.on('data', () => console.log('tick ' + ++n)).on('error', (e) => console.log(e.message));
  c.on('close', () => { clearInterval(timer); setTimeout(open, 500); });
})();`;

const pod = (name: string, program: string, more = ''): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  containers:
    - name: main
      command: [node, -e, ${JSON.stringify(program)}]
${more}`;

export const ECHO = `${pod('echo', SERVER, '      readinessProbe: { tcpSocket: { port: 7 } }')}
---
apiVersion: v1
kind: Service
metadata: { name: echo }
spec:
  selector: { app: echo }
  ports: [{ port: 7 }]
`;

export const CLIENTS = pod('client', CLIENT);

/** A pod that only sleeps. */
export const sleeper = (name: string): string => pod(name, 'setInterval(() => {}, 1000)');
