/** The folder of attachments: who is wired on this node. */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../base/failure.ts';
import { writeFileAtomic } from '../cluster/atomic-file.ts';
import type { Attachment } from '../cluster/attachment.ts';

/** Where a node's attachments lie within its state folder. */
export const attachmentFolder = (stateFolder: string): string => join(stateFolder, 'attachments');

/** All attachments in the folder, none if there is no folder. A file that vanishes meanwhile is left out. */
export function readAttachments(folder: string): Attachment[] {
  return list(folder).flatMap((name) => readAttachment(folder, name.slice(0, -'.json'.length)) ?? []);
}

/** The attachment of one pod, undefined if it is not wired. */
export function readAttachment(folder: string, podUid: string): Attachment | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(folder, podUid), 'utf8')) as Attachment;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function writeAttachment(folder: string, attachment: Attachment): void {
  mkdirSync(folder, { recursive: true });
  writeFileAtomic(fileOf(folder, attachment.podUid), `${JSON.stringify(attachment)}\n`);
}

export function removeAttachment(folder: string, podUid: string): void {
  rmSync(fileOf(folder, podUid), { force: true });
}

const fileOf = (folder: string, podUid: string): string => join(folder, `${podUid}.json`);

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
