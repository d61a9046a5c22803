/**
 * The layout of a fixed-size C struct: where each field lies. Generated from BTF for this build
 * (`*.gen.ts`), and sent by agents in their hello so that a hub reads records of any version.
 */

export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'bytes';

export interface Field {
  readonly offset: number;
  /** Size in bytes. */
  readonly size: number;
  readonly type: FieldType;
}

export interface StructLayout {
  readonly name: string;
  /** Size of the struct in bytes. */
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}

/** A record layout and the version number that its records carry in their second byte. */
export interface RecordLayout extends StructLayout {
  readonly version: number;
}
