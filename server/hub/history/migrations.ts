/** Every step that the schema of history took, for stores of any age. */
import type { Migration } from './migrate.ts';
import { createSchema } from './schema.ts';
import { TABLES, VIEWS } from './tables.ts';

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: (place) => createSchema(place, TABLES, VIEWS) },
];
