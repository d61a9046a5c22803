/** `--export-dir` and `--export-endpoint` of the hub. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { EXIT_USAGE, Failure } from '../base/failure.ts';
import type { ExportOptions } from '../hub/exports/exports.ts';

export interface ExportFlags {
  exportDir?: string;
  exportEndpoint: string[];
}

export function exportOptions(): Option[] {
  return [
    new Option('--export-dir <folder>', 'folder that exports may write files to; without it there are no exports'),
    new Option('--export-endpoint <url>', 'OTLP logs endpoint that exports may send to; may be repeated')
      .argParser(collectUrl)
      .default([], 'none'),
  ];
}

/** Undefined for no exports. Throws a Failure for flags that do not go together. */
export function readExports({ exportDir, exportEndpoint: endpoints }: ExportFlags): ExportOptions | undefined {
  if (exportDir !== undefined) return { folder: resolve(exportDir), endpoints };
  if (endpoints.length === 0) return undefined;
  throw new Failure('--export-endpoint takes --export-dir, too: what is known of exports is kept there.', {
    exitCode: EXIT_USAGE,
  });
}

function collectUrl(value: string, previous: string[]): string[] {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('It must be a URL, such as https://collector:4318/v1/logs.');
  }
  // No request can be made with one, and whoever lists exports would read it. Not repeated here either.
  if (url.username !== '' || url.password !== '') {
    throw new Failure(`--export-endpoint: the URL of ${url.host} must be without user and password.`, {
      exitCode: EXIT_USAGE,
    });
  }
  return [...previous, value];
}
