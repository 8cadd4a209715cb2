import type { CrdFacts } from '../../src/flux/schema-common.ts';
import { byCodeUnit, type Json, type JsonObject } from '../../src/model/index.ts';

/** JSON Schema as zod writes it, as far as our schemas use it, with the facts for definitions. */
export interface ZodJson {
  readonly type?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, ZodJson>>;
  readonly required?: readonly string[];
  readonly items?: ZodJson;
  readonly additionalProperties?: ZodJson | boolean;
  readonly crd?: CrdFacts;
}

/**
 * The structural schema that an API server takes, made from a schema for files. It is as wide as Flux's: unknown fields
 * are pruned, not refused; what only a reader of files can say early (a text must not be empty) is left to the status.
 */
export function structural(from: ZodJson): JsonObject {
  const { crd = {} } = from;
  return filled({
    description: from.description,
    type: from.type ?? 'string',
    format: crd.format,
    default: crd.fills === true ? from.default : undefined,
    enum: from.enum?.filter((one) => one !== ''),
    ...(crd.anyText === true ? {} : textBounds(from)),
    minimum: from.minimum === Number.MIN_SAFE_INTEGER ? undefined : from.minimum,
    items: from.items === undefined ? undefined : structural(from.items),
    additionalProperties:
      typeof from.additionalProperties === 'object' ? structural(from.additionalProperties) : undefined,
    properties: properties(from.properties),
    required: requiredOf(from),
    'x-kubernetes-validations': crd.rules?.map(({ rule, message }) => ({ rule, message })),
  });
}

/** A lower bound without an upper one is a check of files; Flux's definitions have both or none. */
function textBounds({ pattern, minLength, maxLength }: ZodJson): Readonly<Record<string, Json | undefined>> {
  const plain = pattern?.replaceAll('\\/', '/');
  return { pattern: plain, maxLength, minLength: maxLength === undefined ? undefined : minLength };
}

function properties(from: ZodJson['properties']): JsonObject | undefined {
  if (from === undefined) return undefined;
  const names = Object.keys(from).sort(byCodeUnit);
  return Object.fromEntries(names.map((name) => [name, structural(from[name] ?? {})]));
}

function requiredOf({ required }: ZodJson): Json | undefined {
  return required === undefined || required.length === 0 ? undefined : [...required].sort(byCodeUnit);
}

function filled(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
