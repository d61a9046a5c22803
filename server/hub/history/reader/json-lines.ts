import { StringDecoder } from 'node:string_decoder';

/** The rows of an answer in the format JSONEachRow, one at a time. */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) yield JSON.parse(part);
  }
  if (rest !== '') yield JSON.parse(rest);
}
