/**
 * The pipeline benchmark: the whole way from ring buffer to subscribers at a fixed rate, and the agent alone as fast as
 * it can.
 * `node dist/bench/pipeline/main.js [--rounds N] [--seconds N]`.
 */
import { parseArgs } from 'node:util';
import { runBenchmark } from '../lib/stopping.ts';
import { keepResults } from '../lib/results.ts';
import { whole } from '../lib/cells.ts';
import { quiet } from '../lib/quiet.ts';
import { measureAgent, measureStream, removeNode, STREAM_METHOD, type StreamSample } from './stream.ts';
import { agentRate, budgetTable, RATE, streamRate, streamTable } from './tables.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
  });
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (!(rounds >= 1 && rounds <= 100) || !(seconds >= 0.1 && seconds <= 60))
    throw new Error('--rounds is 1 to 100 and --seconds 0.1 to 60.');

  await removeNode();
  const streams: StreamSample[] = [];
  const agents: StreamSample[] = [];
  for (let round = 0; round < rounds; round++) {
    await quiet();
    const stream = await measureStream(RATE, seconds);
    streams.push(stream);
    console.log(
      `round ${round + 1}/${rounds}  stream  ${whole(streamRate(stream))}/s, ${whole(stream.produced - stream.received)} lost`,
    );
    await quiet();
    const agent = await measureAgent(seconds);
    agents.push(agent);
    console.log(`round ${round + 1}/${rounds}  agent alone  ${whole(agentRate(agent))}/s`);
  }
  await keepResults('pipeline', {
    title: 'Pipeline',
    method: [`${STREAM_METHOD} ${rounds} rounds of ${seconds} s, each with fresh processes.`],
    tables: [budgetTable(streams, agents), streamTable(streams, agents)],
    raw: { streams, agents },
  });
}

await runBenchmark(main);
