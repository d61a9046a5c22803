/** `spyglass token`: makes a token for a reader or an agent of a hub. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { Failure, sentence } from '../base/failure.ts';
import { newToken, tokenLine } from '../hub/access/token-file.ts';

interface Options {
  file: string;
  only?: string[];
}

export function tokenCommand(): Command {
  return new Command('token')
    .description("make a token: its hash goes into a hub's file, the token itself to standard output")
    .argument('<name>', 'who will have it')
    .requiredOption('--file <file>', 'what the hub is given as --auth-token-file or --agent-token-file')
    .option('--only <names>', 'namespaces that a reader may see, or nodes that an agent may speak for: A,B', list)
    .action((name: string, { file, only }: Options) => {
      const token = newToken();
      append(file, name, tokenLine(name, token, only ?? null));
      process.stdout.write(`${token}\n`);
    });
}

/** Adds the line to the file, which nobody else may read; hubs that run take it over within a second. */
function append(path: string, name: string, line: string): void {
  let file: number;
  let text: string;
  try {
    file = openSync(path, 'a+', 0o600);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(`The file ${path} cannot be written: ${sentence(error)}.`, { cause: error });
  }
  try {
    if (text.split('\n').some((it) => it.startsWith(`${name}:`))) {
      throw new Failure(`${path} has a token for ${name} already; remove its line first, or choose another name.`);
    }
    writeSync(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
  } finally {
    closeSync(file);
  }
}

function list(text: string): string[] {
  if (!/^[a-z0-9.-]+(,[a-z0-9.-]+)*$/.test(text))
    throw new InvalidArgumentError('It must be names, with commas between.');
  return text.split(',');
}
