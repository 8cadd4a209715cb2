import * as z from 'zod/mini';
import { DURATION, SHORT_DURATION } from './duration.ts';

interface Facts {
  /** Shown in the reference: what holds when the field is absent, as it would be written. */
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** What only the definition in the cluster says. */
  readonly crd?: CrdFacts;
}

/** What Flux's definitions say beyond types: the API server does the same with ours. */
export interface CrdFacts {
  /** The API server writes the default into the object. */
  readonly fills?: true;
  readonly format?: 'date-time' | 'int64';
  /** What the text must look like is a check of ours alone. */
  readonly anyText?: true;
  /** Rules in CEL, over the value as `self`. */
  readonly rules?: readonly { readonly rule: string; readonly message: string }[];
}

/** A schema with what the generated reference and JSON Schema say of it. */
export function about<T extends z.ZodMiniType>(schema: T, description: string, facts: Facts = {}): T {
  return schema.check(z.meta({ description, ...facts })) as T;
}

/** An optional field with its description. */
export function field<T extends z.ZodMiniType>(
  schema: T,
  description: string,
  facts: Facts = {},
): z.ZodMiniOptional<T> {
  return z.optional(about(schema, description, facts));
}

export const text = (): z.ZodMiniString => z.string();
export const flag = (): z.ZodMiniBoolean => z.boolean();
export const nonEmpty = (): z.ZodMiniString =>
  z.string().check(z.minLength(1, { error: 'must not be empty' })) as z.ZodMiniString;
export const between = (min: number, max: number): z.ZodMiniString =>
  z
    .string()
    .check(
      z.minLength(min, { error: `must have at least ${min} characters` }),
      z.maxLength(max, { error: `must have at most ${max} characters` }),
    ) as z.ZodMiniString;
export const duration = (): z.ZodMiniString =>
  z
    .string()
    .check(
      z.regex(DURATION, { error: 'must be a duration such as 30s, 5m or 1h30m (units ms, s, m, h)' }),
    ) as z.ZodMiniString;
export const shortDuration = (): z.ZodMiniString =>
  z
    .string()
    .check(
      z.regex(SHORT_DURATION, { error: 'must be a duration such as 30s or 5m (units ms, s, m)' }),
    ) as z.ZodMiniString;
export const textMap = (): z.ZodMiniRecord<z.ZodMiniString, z.ZodMiniString> => z.record(z.string(), z.string());

/** A DNS-1123 subdomain: the name of most Kubernetes objects. */
export const objectName = (): z.ZodMiniString =>
  z.string().check(
    z.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
      error: 'must be a name of lower-case letters, digits, - and .',
    }),
    z.maxLength(253, { error: 'must have at most 253 characters' }),
  ) as z.ZodMiniString;

/** The name of a ServiceAccount; '' for none, as in Go. It becomes part of a user name, where ':' divides. */
export const accountName = (): z.ZodMiniString =>
  z.string().check(
    z.regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/, {
      error: 'must be a name of lower-case letters, digits, - and .',
    }),
    z.maxLength(253, { error: 'must have at most 253 characters' }),
  ) as z.ZodMiniString;

export const nameRef = (what: string): z.ZodMiniObject<{ name: z.ZodMiniString }, z.core.$strict> =>
  z.strictObject({ name: about(nonEmpty(), `Name of the ${what}, in the namespace of this object.`) });

/** A 64-bit whole number. */
export const int64 = (description: string, min?: number): z.ZodMiniNumber =>
  about(min === undefined ? z.int() : z.int().check(z.minimum(min)), description, {
    crd: { format: 'int64' },
  }) as z.ZodMiniNumber;
/** A time in RFC 3339. */
export const time = (description: string): z.ZodMiniString =>
  about(text(), description, { crd: { format: 'date-time' } });

const anything = (description: string): z.ZodMiniOptional<z.ZodMiniUnknown> =>
  z.optional(about(z.unknown(), description));

/** metadata of an object; what the API server writes there is accepted and not read. */
export const metadata = z.strictObject({
  name: about(objectName(), 'Name of the object.'),
  namespace: field(objectName(), 'Namespace of the object.', { default: 'default' }),
  labels: field(textMap(), 'Labels.'),
  annotations: field(textMap(), 'Annotations; `reconcile.fluxcd.io/requestedAt` asks for a run at once.'),
  generation: field(z.number(), 'Written by the API server.'),
  uid: field(text(), 'Written by the API server.'),
  resourceVersion: anything('Written by the API server.'),
  creationTimestamp: anything('Written by the API server.'),
  deletionTimestamp: anything('Written by the API server.'),
  deletionGracePeriodSeconds: anything('Written by the API server.'),
  managedFields: anything('Written by the API server.'),
  ownerReferences: anything('Not read.'),
  finalizers: anything('Not read.'),
  selfLink: anything('Not read.'),
});
