/**
 * A hub that keeps nothing: says welcome, acknowledges every batch, counts records. A process of its own
 * (`node dist/bench/pipeline/sink.js`), so that what is measured beside it is the agent alone. Prints its
 * address; like a hub it tells at /api/v1/status how many records it received.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { type Ack, BATCH_HEADER, KIND, MAX_AGENT_MESSAGE, type Welcome } from '../../server/wire/agent.ts';
import { control } from '../lib/control-message.ts';

let received = 0;

const http = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ flows: { received } }));
});
const server = new WebSocketServer({ server: http, maxPayload: MAX_AGENT_MESSAGE });
server.on('connection', (socket) => {
  socket.on('message', (data: Buffer) => {
    if (data[0] === KIND.hello) {
      const welcome: Welcome = {
        hub: randomUUID(),
        last_batch: 0,
        last_record: 0,
        missing_records: 0,
        archives: false,
      };
      socket.send(control(KIND.welcome, welcome));
    } else if (data[0] === KIND.batch) {
      received += data.readUInt32LE(BATCH_HEADER.count);
      const number = Number(data.readBigUInt64LE(BATCH_HEADER.number));
      socket.send(control(KIND.ack, { received: number, batch: number } satisfies Ack));
    }
  });
});
http.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${(http.address() as AddressInfo).port}`));
