import { type ArtifactNote, isDigest, isObject, type Json, type JsonObject } from '../model/index.ts';
import { listOf, numberOf, stringOf } from './parse.ts';

/** An archive's note as it is stored in the record of its source. */
export function encodeNote({ archive, partial, ...note }: ArtifactNote): JsonObject {
  return { ...note, ...(archive === undefined ? {} : { archive }), ...(partial === true ? { partial } : {}) };
}

/** Reads them back. What cannot be read is none: it is found out again from the content. */
export function parseNotes(record: JsonObject): readonly ArtifactNote[] {
  return listOf(record, 'artifacts', parseNote) ?? [];
}

function parseNote(value: Json): ArtifactNote | undefined {
  if (!isObject(value)) return undefined;
  const { root, digest, archive } = value;
  const [revision, maker] = [stringOf(value, 'revision'), stringOf(value, 'maker')];
  const [size, at] = [numberOf(value, 'size'), numberOf(value, 'at')];
  if (!isDigest(root) || !isDigest(digest) || size === undefined || at === undefined) return undefined;
  if (archive !== undefined && !isDigest(archive)) return undefined;
  if (revision === undefined || maker === undefined) return undefined;
  const partial = value['partial'] === true ? ({ partial: true } as const) : {};
  return { revision, root, digest, size, maker, at, ...(archive === undefined ? {} : { archive }), ...partial };
}
