/** Parts of Kubernetes objects that several kinds have: names, labels, ports. */
import { z } from 'zod';

export const name = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
    'must be lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  );
export const label = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-"');
export const port = z
  .number('must be a port number from 1 to 65535')
  .int('must be a port number from 1 to 65535')
  .min(1, 'must be a port number from 1 to 65535')
  .max(65_535, 'must be a port number from 1 to 65535');
export const portName = z
  .string()
  .max(15)
  .regex(/^[a-z0-9-]*[a-z][a-z0-9-]*$/, 'must be lower-case letters, digits and "-", with a letter in it');
export const portReference = z.union(
  [port, portName],
  'must be a port number from 1 to 65535 or the name of a container port',
);
export const protocol = z.enum(['TCP', 'UDP', 'SCTP']).default('TCP');
export const texts = z.record(z.string().max(317), z.string().max(16_384)).default({});
