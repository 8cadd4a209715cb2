import {
  type Composition,
  type FetchedPart,
  isDigest,
  isObject,
  type Json,
  type JsonObject,
  type RevisionPart,
  type SourceRevision,
  type Verification,
} from '../model/index.ts';
import { listOf, stringMapOf, stringOf } from './parse.ts';

/** A revision as it is stored in records. */
export function encodeRevision(one: SourceRevision): JsonObject {
  const { archive, composed, verified, part } = one;
  return {
    revision: one.revision,
    root: one.root,
    metadata: { ...one.metadata },
    keep: [...one.keep],
    ...(archive === undefined ? {} : { archive }),
    ...(composed === undefined
      ? {}
      : { composed: { own: composed.own, rules: composed.rules, parts: composed.parts.map(encodePart) } }),
    ...(verified === undefined
      ? {}
      : { verified: { key: verified.key, mode: verified.mode, message: verified.message } }),
    ...(part === undefined ? {} : { part: { paths: [...part.paths], asked: part.asked } }),
  };
}

function encodePart(part: RevisionPart): JsonObject {
  const { kind, source, fromPath, toPath, revision, root, keep } = part;
  return { kind, source, fromPath, toPath, revision, root, keep: [...keep] };
}

/** Reads it back; undefined when it is none. What cannot be read of the optional fields makes it none too. */
export function parseRevision(value: Json): SourceRevision | undefined {
  if (!isObject(value)) return undefined;
  const revision = stringOf(value, 'revision');
  const root = value['root'];
  const metadata = stringMapOf(value, 'metadata');
  const keep = digestsOf(value);
  if (revision === undefined || !isDigest(root) || metadata === undefined || keep === undefined) return undefined;
  const archive = value['archive'];
  if (archive !== undefined && !isDigest(archive)) return undefined;
  const composed = parseComposition(value['composed']);
  const verified = parseVerification(value['verified']);
  const part = parseFetched(value['part']);
  if (composed === BROKEN || verified === BROKEN || part === BROKEN) return undefined;
  return {
    revision,
    root,
    metadata,
    keep,
    ...(archive === undefined ? {} : { archive }),
    ...(composed === undefined ? {} : { composed }),
    ...(verified === undefined ? {} : { verified }),
    ...(part === undefined ? {} : { part }),
  };
}

/** Something is there and cannot be read. */
const BROKEN = 'broken';

const digestsOf = (value: JsonObject): SourceRevision['keep'] | undefined =>
  listOf(value, 'keep', (item) => (isDigest(item) ? item : undefined));

function parseComposition(value: Json | undefined): Composition | undefined | typeof BROKEN {
  if (value === undefined) return undefined;
  if (!isObject(value)) return BROKEN;
  const own = value['own'];
  const rules = stringOf(value, 'rules');
  const parts = listOf(value, 'parts', parsePart);
  return !isDigest(own) || rules === undefined || parts === undefined ? BROKEN : { own, rules, parts };
}

function parsePart(value: Json): RevisionPart | undefined {
  if (!isObject(value)) return undefined;
  const { kind, root } = value;
  const [source, fromPath, toPath, revision] = ['source', 'fromPath', 'toPath', 'revision'].map((name) =>
    stringOf(value, name),
  );
  const keep = digestsOf(value);
  if ((kind !== 'module' && kind !== 'include') || !isDigest(root) || keep === undefined) return undefined;
  if (source === undefined || fromPath === undefined || toPath === undefined || revision === undefined)
    return undefined;
  return { kind, source, fromPath, toPath, revision, root, keep };
}

function parseFetched(value: Json | undefined): FetchedPart | undefined | typeof BROKEN {
  if (value === undefined) return undefined;
  if (!isObject(value)) return BROKEN;
  const asked = stringOf(value, 'asked');
  const paths = listOf(value, 'paths', (item) => (typeof item === 'string' ? item : undefined));
  return asked === undefined || paths === undefined ? BROKEN : { paths, asked };
}

function parseVerification(value: Json | undefined): Verification | undefined | typeof BROKEN {
  if (value === undefined) return undefined;
  if (!isObject(value)) return BROKEN;
  const [key, mode, message] = ['key', 'mode', 'message'].map((name) => stringOf(value, name));
  return key === undefined || mode === undefined || message === undefined ? BROKEN : { key, mode, message };
}
