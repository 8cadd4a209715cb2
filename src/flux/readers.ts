import * as z from 'zod/mini';
import { isObject, type Json, type JsonObject } from '../model/index.ts';
import { toGitRepository, toKustomization } from './convert.ts';
import { toBucket } from './convert-bucket.ts';
import { toExternalArtifact } from './convert-external.ts';
import { toOciRepository } from './convert-oci.ts';
import { type FieldProblem, problemsOf } from './issues.ts';
import type { FluxMeta } from './meta.ts';
import { bucketSchema, type RawBucket } from './schema-bucket.ts';
import { externalArtifactSchema, type RawExternalArtifact } from './schema-external.ts';
import { gitRepositorySchema, type RawGitRepository } from './schema-git.ts';
import { kustomizationSchema, type RawKustomization } from './schema-kustomization.ts';
import { ociRepositorySchema, type RawOciRepository } from './schema-oci.ts';
import type { FluxObject } from './types.ts';

/** Where what is wrong with an object is told. */
export interface Reading {
  readonly problems: FieldProblem[];
  readonly report: (problem: FieldProblem) => void;
  readonly meta: () => FluxMeta;
}

/** Reads an object of one kind; undefined when it cannot be used. */
export type Reader = (value: JsonObject, reading: Reading) => FluxObject | undefined;

/** Checks by the schema of a kind, then fills in its defaults. */
function reader<Raw>(
  schema: () => z.ZodMiniType,
  convert: (raw: Raw, meta: FluxMeta, report: Reading['report']) => FluxObject,
): Reader {
  return (value, { problems, report, meta }) => {
    const raw = check<Raw>(schema(), value, problems);
    return raw === undefined ? undefined : convert(raw, meta(), report);
  };
}

/** By `group/version/kind`. */
export const READERS: Readonly<Record<string, Reader>> = {
  'source.toolkit.fluxcd.io/v1/GitRepository': reader<RawGitRepository>(gitRepositorySchema, toGitRepository),
  'source.toolkit.fluxcd.io/v1/OCIRepository': reader<RawOciRepository>(ociRepositorySchema, toOciRepository),
  'source.toolkit.fluxcd.io/v1/Bucket': reader<RawBucket>(bucketSchema, toBucket),
  'source.toolkit.fluxcd.io/v1/ExternalArtifact': reader<RawExternalArtifact>(
    externalArtifactSchema,
    toExternalArtifact,
  ),
  'kustomize.toolkit.fluxcd.io/v1/Kustomization': reader<RawKustomization>(kustomizationSchema, toKustomization),
};

/** Kinds that are read, of `apiVersion` v1. */
export const KINDS_READ = new Set(Object.keys(READERS).map((id) => id.slice(id.lastIndexOf('/') + 1)));

function check<T>(schema: z.ZodMiniType, value: JsonObject, problems: FieldProblem[]): T | undefined {
  const clean = withoutNulls(value);
  const result = z.safeParse(schema, clean, { jitless: true });
  if (result.success) return result.data as T;
  const found = problemsOf(result.error, schema, clean);
  problems.push(...found);
  // The schemas change nothing, so a value with nothing but unknown fields can be used as it is.
  return found.every((one) => one.unknown) ? (clean as T) : undefined;
}

/** A key whose value is null counts as absent, as the API server has it. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutNulls);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}
