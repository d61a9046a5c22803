/**
 * The OpenAPI 3.1 document of the HTTP API: paths and parameters from the tables beside this file, answers from the types in
 * server/wire, requests from the schemas that check them.
 */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { exportRequest } from '../exports/export-request.ts';
import { filterParameter, PARAMETERS } from './parameters.ts';
import { type Operation, PATHS } from './paths.ts';
import { SCHEMAS } from './schemas.gen.ts';

const TEXT = { type: 'string' };

/** Schemas of what is no type of ours. */
const PLAIN: Readonly<Record<string, object>> = {
  Table: { ...TEXT, description: 'A head, then a line a flow (RFC 4180).' },
  Text: TEXT,
  Document: { type: 'object', description: 'OpenAPI 3.1.' },
};

const LOGIN = { type: 'object', properties: { token: TEXT }, required: ['token'], additionalProperties: false };

/** Of every operation of the API. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request is malformed; `detail` says where.',
  401: 'No token was given, or one that the hub does not know.',
  403: 'The token does not allow this.',
  429: 'Too many requests, or wrong tokens.',
};

/** Content types whose schema is that of one line. */
const BY_LINE: readonly string[] = ['application/x-ndjson'];

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: { schemas: Record<string, object> };
}

export interface OpenApiOperation {
  summary: string;
  description?: string;
  parameters: { name: string; in: 'query' | 'path'; required: boolean; schema: object; example?: string }[];
  requestBody?: object;
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

/** `version` of this build. */
export function openApiDocument(version: string): OpenApiDocument {
  const { $schema: _, ...request } = z.toJSONSchema(exportRequest, { io: 'input' });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Spyglass',
      version,
      description: 'Flows, the service map and the state of a cluster network. Problems are application/problem+json.',
    },
    paths: Object.fromEntries(
      Object.entries(PATHS).map(([path, operations]) => [
        path,
        Object.fromEntries(Object.entries(operations).map(([method, it]) => [method, operation(it)])),
      ]),
    ),
    components: { schemas: { ...SCHEMAS.types, ExportRequest: request, LoginRequest: LOGIN } },
  };
}

function operation({ summary, description, query, path, body, success, problems }: Operation): OpenApiOperation {
  const responses: OpenApiOperation['responses'] = {};
  for (const [status, content] of Object.entries(success)) {
    const types = Object.entries(content).map(([type, schema]) => [type, { schema: answer(schema, type) }]);
    responses[status] = {
      description: STATUS_CODES[status] ?? '',
      ...(types.length > 0 && { content: Object.fromEntries(types) as Record<string, { schema: object }> }),
    };
  }
  const refused = { ...REFUSALS, ...problems };
  for (const [status, words] of Object.entries(refused)) {
    responses[status] = {
      description: words,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return {
    summary,
    ...(description !== undefined && { description }),
    parameters: [
      ...Object.entries(path ?? {}).map(([name, words]) => ({
        name,
        in: 'path' as const,
        required: true,
        description: words,
        schema: TEXT,
      })),
      ...(query ?? []).map((name) => ({
        name,
        in: 'query' as const,
        required: false,
        ...(PARAMETERS[name] ?? filterParameter(name)),
      })),
    ],
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${body}` } } },
      },
    }),
    responses,
  };
}

function answer(name: string, type: string): object {
  const schema = PLAIN[name] ?? SCHEMAS.answers[name];
  if (schema === undefined) throw new Error(`there is no schema of the answer ${name}; run "npm run generate"`);
  return BY_LINE.includes(type) ? { ...schema, description: 'Of each line.' } : schema;
}
