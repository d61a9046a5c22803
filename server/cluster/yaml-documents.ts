/**
 * YAML text to documents that know where they stand: every message about a manifest names its file,
 * document and line.
 */
import { LineCounter, isNode, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';

export interface ManifestDocument {
  file: string;
  /** From 1. */
  number: number;
  value: unknown;
  /** Line (from 1) of the value at `path`, or of the nearest parent that was written. */
  line(path: readonly PropertyKey[]): number;
}

export interface ParsedFile {
  documents: ManifestDocument[];
  /** One sentence for each place that is no YAML. */
  problems: string[];
}

/** Splits one file. Empty documents are left out. Never throws. */
export function parseYaml(file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const documents: ManifestDocument[] = [];
  const problems: string[] = [];
  if (!Array.isArray(parsed)) return { documents, problems };
  for (const [i, document] of parsed.entries()) {
    const [first] = document.errors;
    if (first !== undefined) {
      const words = first.message.replaceAll(/\s+/g, ' ');
      problems.push(`${file} line ${lines.linePos(first.pos[0]).line}: this is not YAML: ${words}`);
      continue;
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      if (value === null || value === undefined) continue;
      documents.push({ file, number: i + 1, value, line: (path) => lineOf(document, path, lines) });
    } catch (error) {
      problems.push(
        `${file} document ${i + 1}: this is not YAML: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }
  return { documents, problems };
}

function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
