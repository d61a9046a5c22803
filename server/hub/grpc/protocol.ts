/** The Hubble API's messages and methods, from the proto files beside this module. */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { sentence } from '../../base/failure.ts';

export const PROTO_FOLDER = fileURLToPath(new URL('proto', import.meta.url));

const loaded = loadSync(['observer/observer.proto', 'grpc/health/v1/health.proto'], {
  includeDirs: [PROTO_FOLDER],
  keepCase: true,
  // 64-bit numbers as text: those of a request may exceed what a JavaScript number holds.
  longs: String,
  arrays: true,
});

/** google.protobuf.Timestamp. */
export interface Timestamp {
  seconds?: string;
  nanos?: number;
}

/** flow.FlowFilter as it arrives; enums are numbers. */
export interface FilterMessage {
  [field: string]: unknown;
}

export interface GetFlowsRequest {
  number?: string;
  first?: boolean;
  follow?: boolean;
  blacklist: FilterMessage[];
  whitelist: FilterMessage[];
  since?: Timestamp | null;
  until?: Timestamp | null;
  field_mask?: { paths: string[] } | null;
  experimental?: { field_mask?: { paths: string[] } | null } | null;
}

export interface HealthRequest {
  service?: string;
}

/** A request, or what is wrong with its bytes. */
export type Decoded<T> = { request: T } | { malformed: string };

export const OBSERVER = decoding(loaded['observer.Observer'] as ServiceDefinition);
export const HEALTH = decoding(loaded['grpc.health.v1.Health'] as ServiceDefinition);

/** grpc-js answers INTERNAL to bytes that are no message; the fault is the client's, and handlers say so. */
function decoding(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]: [string, MethodDefinition<unknown, unknown>]) => [
      name,
      {
        ...method,
        requestDeserialize: (bytes: Buffer): Decoded<unknown> => {
          try {
            return { request: method.requestDeserialize(bytes) };
          } catch (error) {
            return { malformed: sentence(error) };
          }
        },
      },
    ]),
  );
}

const struct = loaded['google.protobuf.Struct'] as MessageTypeDefinition<object, object>;

/** Bytes of a google.protobuf.Struct. */
export function encodeStruct(fields: object): Buffer {
  return struct.serialize(structOf(fields));
}

function structOf(fields: object): object {
  const values: Record<string, object> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) values[name] = valueOf(value);
  return { fields: values };
}

function valueOf(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  return value === null || value === undefined ? { nullValue: 0 } : { structValue: structOf(value) };
}

/** A field of a message: its message type if it is one that a mask may look into, and whether it is one of several arms. */
export interface MessageField {
  readonly type: string | null;
  readonly isArm: boolean;
}

interface FieldDescriptor {
  name: string;
  label: string;
  type: string;
  typeName: string;
}

/** Messages whose fields exclude each other. */
const CHOICES: ReadonlySet<string> = new Set(['flow.Layer4', 'flow.Layer7']);

/** The field `name` of a message of package flow, undefined if it has none. */
export function fieldOf(message: string, name: string): MessageField | undefined {
  const { type } = loaded[message] as { type: { field: FieldDescriptor[] } };
  const field = type.field.find((it) => it.name === name);
  if (field === undefined) return undefined;
  const inner = `flow.${field.typeName.replace(/^\.?(flow\.)?/, '')}`;
  const isMessage = field.type === 'TYPE_MESSAGE' && field.label !== 'LABEL_REPEATED' && Object.hasOwn(loaded, inner);
  return { type: isMessage ? inner : null, isArm: CHOICES.has(message) && isMessage };
}
