import { type Digest, isDigest, objectId, type SsaMode } from '../../model/index.ts';
import type { FinishedPart, LeftOut } from '../finish/index.ts';
import type { Movable } from './namespace.ts';

/** What a render leaves behind so that the next one reads only the files that changed. Plain data. */
export interface PlainMemo {
  /** Of the options: another key, and nothing of the memo is used. */
  readonly key: Digest;
  /** Of the objects that references by name and namespace can mean. */
  readonly movedKey: string;
  readonly files: readonly MemoFile[];
}

export interface MemoFile {
  readonly path: string;
  readonly digest: Digest;
  readonly parts: readonly FinishedPart[];
  readonly leftOut: readonly LeftOut[];
  readonly movables: readonly Movable[];
  /** The file's objects depend on `movables` of the whole set. */
  readonly looks: boolean;
}

const SSA: readonly SsaMode[] = ['Override', 'Merge', 'IfNotPresent', 'Ignore'];

/** Compact JSON of a memo: about 300 bytes an object. */
export function encodeMemo(memo: PlainMemo): string {
  const files = memo.files.map((file) => [
    file.path,
    file.digest,
    file.parts.map((part) => packPart(part, file.path)),
    file.leftOut,
    file.movables,
    file.looks,
  ]);
  return JSON.stringify([1, memo.key, memo.movedKey, files]);
}

/** Reads a memo back; undefined for anything that is not one (a memo is only ever a help). */
export function decodeMemo(text: string): PlainMemo | undefined {
  try {
    const [format, key, movedKey, files] = JSON.parse(text) as [number, string, string, PackedFile[]];
    if (format !== 1 || !isDigest(key) || typeof movedKey !== 'string') return undefined;
    return {
      key,
      movedKey,
      files: files.map(([path, digest, parts, leftOut, movables, looks]) => {
        return { path, digest, parts: parts.map((part) => unpackPart(part, path)), leftOut, movables, looks };
      }),
    };
  } catch {
    return undefined;
  }
}

type PackedFile = [string, Digest, PackedPart[], LeftOut[], Movable[], boolean];
type PackedPart = [
  group: string,
  version: string,
  kind: string,
  namespace: string,
  name: string,
  digest: Digest,
  size: number,
  origin: string,
  settings: number,
  candidates: readonly string[],
  defines: string,
  built?: Digest,
];

function packPart(part: FinishedPart, path: string): PackedPart {
  const { ref, digest, size, origin, settings } = part.object;
  const flags =
    (settings.reconcile ? 1 : 0) + (settings.force ? 2 : 0) + (settings.prune ? 4 : 0) + 8 * SSA.indexOf(settings.ssa);
  const tail = origin.startsWith(path) ? origin.slice(path.length) : `\0${origin}`;
  const { group, version, kind, namespace, name } = ref;
  const { candidates, defines, built } = part;
  const packed: PackedPart = [group, version, kind, namespace, name, digest, size, tail, flags, candidates, defines];
  if (built !== undefined) packed.push(built);
  return packed;
}

function unpackPart(packed: PackedPart, path: string): FinishedPart {
  const [group, version, kind, namespace, name, digest, size, tail, flags, candidates, defines, built] = packed;
  const ref = { group, version, kind, namespace, name };
  const settings = {
    reconcile: (flags & 1) !== 0,
    ssa: SSA[flags >> 3] ?? 'Override',
    force: (flags & 2) !== 0,
    prune: (flags & 4) !== 0,
  };
  const origin = tail.startsWith('\0') ? tail.slice(1) : path + tail;
  const object = { id: objectId(ref), ref, digest, size, origin, settings };
  return { object, candidates, defines, ...(built === undefined ? {} : { built }) };
}
