import {
  byCodeUnit,
  type Digest,
  Fault,
  type Json,
  type KubeObject,
  type Limits,
  sha256,
  type Tree,
} from '../../model/index.ts';
import {
  annotationsOf,
  type BuiltObject,
  builtDigest,
  type CommonMetadata,
  type FinishedPart,
  finishObject,
  type LeftOut,
  linkParts,
  type Owner,
  type Rendered,
} from '../finish/index.ts';
import type { YamlLimits } from '../yaml/index.ts';
import type { MemoFile, PlainMemo } from './memo.ts';
import { looksAtOthers, type Movable, movablesOf, moveToNamespace } from './namespace.ts';
import { readObjects } from './read.ts';
import { type PlainFile, scanPlain } from './scan.ts';

export type PlainLimits = YamlLimits & Pick<Limits, 'renderFiles' | 'renderObjects' | 'renderBytes' | 'treeDepth'>;

export interface PlainOptions {
  readonly owner: Owner;
  readonly targetNamespace?: string | undefined;
  readonly commonMetadata?: CommonMetadata | undefined;
  readonly limits: PlainLimits;
  /** The memo of an earlier render of any revision: files that have not changed are not read again. */
  readonly previous?: PlainMemo | undefined;
  /** Whether the JSON of an object is still in the store; without it, everything a memo names is taken to be there. */
  readonly stored?: (digest: Digest) => boolean;
}

export type PlainResult =
  | { readonly needsKustomize: string }
  /** `bodies` has the objects of the files that were read; the others are in the store since the previous render. */
  | (Rendered & { readonly memo: PlainMemo; readonly filesRead: number });

/** Raised when a render of the same files may give something else: memos of before are then not used. */
export const MEMO_FORMAT = 2;

/**
 * Renders a folder without kustomization files as Flux does (flux.md 1.5). Throws Fault `path-missing`, or `build-failed`
 * naming file and line; one bad file fails the render, since a partial one would prune.
 */
export function renderPlain(tree: Tree, path: string, options: PlainOptions): PlainResult {
  const scan = scanPlain(tree, path, options.limits);
  if ('needsKustomize' in scan) return scan;
  const key = optionsKey(options);
  const known =
    options.previous?.key === key ? new Map(options.previous.files.map((file) => [file.path, file])) : new Map();
  const work: Work = { tree, options, bodies: new Map(), bytes: 0, filesRead: 0, odd: '' };
  const first = scan.files.map((file) => firstPass(work, file, reusable(known.get(file.path), file, options)));
  const movedKey = movedKeyOf(first);
  const sameMoved = options.previous?.movedKey === movedKey;
  const movables = first.flatMap((one) => one.movables);
  const files = first.map((one) => secondPass(work, one, movables, sameMoved));
  if (work.odd !== '') return { needsKustomize: work.odd };
  const parts = files.flatMap((file) => file.parts);
  const set = linkParts(parts, options.limits);
  const leftOut = files.flatMap((file) => file.leftOut);
  const memo = { key, movedKey, files };
  return { set, built: builtDigest(parts), bodies: work.bodies, leftOut, memo, filesRead: work.filesRead };
}

interface Work {
  readonly tree: Tree;
  readonly options: PlainOptions;
  readonly bodies: Map<Digest, Uint8Array>;
  bytes: number;
  filesRead: number;
  /** Where an annotation stands that only kustomize reads as Flux does; '' for nowhere. */
  odd: string;
}

/** A file between the passes: known from before, finished, or waiting to see what else is in the set. */
interface FileState {
  readonly file: PlainFile;
  readonly movables: readonly Movable[];
  readonly looks: boolean;
  readonly known?: MemoFile;
  readonly done?: Finished;
  readonly built?: readonly BuiltObject[];
}

interface Finished {
  readonly parts: readonly FinishedPart[];
  readonly leftOut: readonly LeftOut[];
}

function optionsKey(options: PlainOptions): Digest {
  const { owner, targetNamespace, commonMetadata, limits } = options;
  const sorted = (map: Readonly<Record<string, string>> | undefined): [string, string][] =>
    Object.entries(map ?? {}).sort((a, b) => byCodeUnit(a[0], b[0]));
  const bounds = [
    limits.manifestBytes,
    limits.manifestLineBytes,
    limits.yamlNodes,
    limits.yamlAliases,
    limits.yamlDepth,
  ];
  const parts = [owner.name, owner.namespace, targetNamespace ?? null, bounds];
  const common = [sorted(commonMetadata?.labels), sorted(commonMetadata?.annotations)];
  return sha256(JSON.stringify([MEMO_FORMAT, parts, common]));
}

function reusable(known: MemoFile | undefined, file: PlainFile, options: PlainOptions): MemoFile | undefined {
  if (known === undefined || known.digest !== file.entry.digest) return undefined;
  const stored = options.stored;
  return stored === undefined || known.parts.every((part) => stored(part.object.digest)) ? known : undefined;
}

function firstPass(work: Work, file: PlainFile, known: MemoFile | undefined): FileState {
  if (known !== undefined) return { file, movables: known.movables, looks: known.looks, known };
  const built = readFile(work, file);
  if (work.options.targetNamespace === undefined)
    return { file, movables: [], looks: false, done: finishAll(work, built) };
  const movables = movablesOf(built);
  const looks = built.some((one) => looksAtOthers(one.object));
  if (looks) return { file, movables, looks, built };
  return { file, movables, looks, done: finishAll(work, moveToNamespace(built, work.options.targetNamespace, [])) };
}

function secondPass(work: Work, state: FileState, movables: readonly Movable[], sameMoved: boolean): MemoFile {
  const { file, looks, known } = state;
  if (known !== undefined && (!looks || sameMoved)) return known;
  const target = work.options.targetNamespace;
  const finished =
    state.done ?? finishAll(work, moveToNamespace(state.built ?? readFile(work, file), target ?? '', movables));
  return { path: file.path, digest: file.entry.digest, movables: state.movables, looks, ...finished };
}

function readFile(work: Work, file: PlainFile): BuiltObject[] {
  const { limits } = work.options;
  // Before the bytes are fetched: a file that is too large is not even read.
  if (file.entry.size > limits.manifestBytes) {
    throw new Fault(
      'build-failed',
      `${file.path}: ${file.entry.size} bytes are more than limits.manifestBytes = ${limits.manifestBytes}`,
    );
  }
  const bytes = work.tree.read(file.path);
  if (bytes === undefined) throw new Fault('build-failed', `${file.path}: the file cannot be read`);
  work.filesRead++;
  const built = readObjects(bytes, file.path, limits);
  work.odd ||= oddOf(built);
  return built;
}

function oddOf(built: readonly BuiltObject[]): string {
  const odd = built.find(({ object }) => Object.values(annotationsOf(object)).some(isReadOtherwise));
  return odd === undefined ? '' : `${odd.origin}: an annotation is no text`;
}

/** kustomize takes the value of an annotation as it is written: of a number, a word or a date that is not what was read. */
function isReadOtherwise(value: Json): boolean {
  return typeof value !== 'string' || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value);
}

function finishAll(work: Work, built: readonly BuiltObject[]): Finished {
  const parts: FinishedPart[] = [];
  const leftOut: LeftOut[] = [];
  for (const one of built) {
    const result = finishObject(one, work.options);
    if ('leftOut' in result) leftOut.push(result.leftOut);
    else {
      parts.push(result.part);
      work.bodies.set(result.part.object.digest, result.body);
      work.bytes += result.body.byteLength;
    }
  }
  if (work.bytes > work.options.limits.renderBytes) {
    throw new Fault(
      'build-failed',
      `more bytes of objects than limits.renderBytes = ${work.options.limits.renderBytes}`,
    );
  }
  return { parts, leftOut };
}

function movedKeyOf(states: readonly FileState[]): string {
  const all = states.flatMap((one) => one.movables.map((m) => `${m.kind}/${m.name}/${m.namespace}`));
  return all.length === 0 ? '' : sha256([...new Set(all)].sort(byCodeUnit).join('\n'));
}

/** The objects of a plain folder as they are written, before anything is added; for `holdfast build` and tests. */
export function readPlain(
  tree: Tree,
  path: string,
  options: { readonly targetNamespace?: string | undefined; readonly limits: PlainLimits },
):
  | { readonly objects: readonly { readonly object: KubeObject; readonly origin: string }[] }
  | { readonly needsKustomize: string } {
  const scan = scanPlain(tree, path, options.limits);
  if ('needsKustomize' in scan) return scan;
  const built = scan.files.flatMap((file) =>
    readObjects(tree.read(file.path) ?? new Uint8Array(), file.path, options.limits),
  );
  const odd = oddOf(built);
  if (odd !== '') return { needsKustomize: odd };
  const target = options.targetNamespace;
  return { objects: target === undefined ? built : moveToNamespace(built, target, movablesOf(built)) };
}
