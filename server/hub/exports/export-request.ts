/** Checks of what `POST /api/v1/exports` is given, and of what is read back from the export folder. */
import { z } from 'zod';
import type { FileTarget, OtlpTarget } from '../../wire/exports.ts';
import type { FlowFilter as WireFilter } from '../../wire/live.ts';
import { sentence } from '../../base/failure.ts';
import { parseFilter } from '../../flows/filter.ts';
import { fieldMask, type Mask } from '../field-mask.ts';
import { Problem } from '../http/problem.ts';
import type { RecordFilter } from '../store/flow-search.ts';
import { backupPattern } from './rotating-file.ts';

const MIB = 1024 * 1024;

/** Neither hidden nor a path. */
const fileName = z
  .string()
  .max(100)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'must be letters, digits, dots, dashes and underscores, a letter or digit first',
  );

const file: z.ZodType<FileTarget> = z.strictObject({
  type: z.literal('file'),
  name: fileName,
  max_bytes: z
    .number()
    .int()
    .min(MIB / 16)
    .max(1024 * MIB)
    .default(10 * MIB),
  backups: z.number().int().min(0).max(100).default(5),
  compress: z.boolean().default(false),
});

const otlp: z.ZodType<OtlpTarget> = z.strictObject({
  type: z.literal('otlp'),
  endpoint: z.url({ protocol: /^https?$/ }).max(2000),
});

export const exportRequest = z.strictObject({
  filter: z.record(z.string().max(64), z.array(z.string().max(300)).max(200)).default({}),
  fields: z.array(z.string().min(1).max(200)).max(200).default([]),
  target: z.union([file, otlp]),
});

export interface ExportRequest {
  filter: WireFilter;
  fields: string[];
  target: FileTarget | OtlpTarget;
}

/** What a request selects and keeps. */
export interface Selection {
  filter: RecordFilter;
  /** Null keeps everything. */
  mask: Mask | null;
}

/** Throws a Problem that says what is wrong. */
export function readExportRequest(value: unknown): ExportRequest {
  const result = exportRequest.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Problem(
      400,
      `The export is malformed at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}.`,
    );
  }
  const { target } = result.data;
  if (target.type === 'file' && backupPattern(target.name) === null) {
    throw new Problem(400, `The name "${target.name}" is one that files put aside get; choose another.`);
  }
  return result.data;
}

/** Throws a Problem for a filter or field that is none. */
export function selectionOf({ filter, fields }: Pick<ExportRequest, 'filter' | 'fields'>): Selection {
  const pairs = Object.entries(filter).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  try {
    return { filter: parseFilter(pairs), mask: fieldMask(fields) };
  } catch (error) {
    throw new Problem(400, sentence(error));
  }
}
