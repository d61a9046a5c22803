/**
 * Results of benchmarks: one JSON file each in bench/results, and bench/RESULTS.md written from all of
 * them. A table is kept as the text it shows, beside the raw figures.
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeMachine, type Machine } from './machine.ts';
import { ROOT } from './run.ts';

export interface Table {
  caption: string;
  columns: string[];
  rows: string[][];
}

export interface Results {
  title: string;
  /** How it was measured, a paragraph each. */
  method: string[];
  tables: Table[];
  /** The figures behind the tables. */
  raw: unknown;
}

interface StoredResults extends Results {
  /** RFC 3339. */
  time: string;
  machine: Machine;
}

const FOLDER = join(ROOT, 'bench/results');

/** A table as Markdown, columns aligned so that it reads well on a terminal, too. */
export function formatTable({ columns, rows }: Table): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

function formatSection({ title, time, machine, method, tables }: StoredResults): string {
  const where = `${time.slice(0, 10)}: kernel ${machine.kernel}, ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Node.js ${machine.node}.`;
  return [
    `## ${title}`,
    where,
    ...method,
    ...tables.flatMap((table) => [`**${table.caption}**`, formatTable(table)]),
  ].join('\n\n');
}

/** Prints the tables of a benchmark, keeps them as bench/results/NAME.json and writes bench/RESULTS.md anew. */
export async function keepResults(name: string, results: Results): Promise<void> {
  const stored: StoredResults = { time: new Date().toISOString(), machine: describeMachine(), ...results };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(stored, null, 2)}\n`);
  console.log(`\n${formatSection(stored)}\n`);

  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.json')).toSorted();
  const sections = await Promise.all(
    files.map(async (file) => formatSection(JSON.parse(await readFile(join(FOLDER, file), 'utf8')) as StoredResults)),
  );
  const head =
    '# Benchmark results\n\nWritten by `npm run bench`; the raw figures are in `bench/results`, what they mean in [NOTES.md](NOTES.md).';
  await writeFile(join(ROOT, 'bench/RESULTS.md'), `${[head, ...sections].join('\n\n')}\n`);
}
