import type { Cache } from '../../src/cache/index.ts';
import { type DataObject, type Kustomization, sealingKey } from '../../src/flux/index.ts';
import { asFault, type Digest, type Limits, sha256, type Tree } from '../../src/model/index.ts';
import type { Clock, Log, Ssh, Wire } from '../../src/ports/index.ts';
import type { Decryption, ParsedTexts } from '../../src/render/built/index.ts';
import { type RenderOptions, type RenderOutcome, renderPlainly, sameRender } from '../../src/render/index.ts';
import type { TemporaryKeys } from '../../src/source/bucket/index.ts';
import type { KeptToken, RegistryNote } from '../../src/source/oci/index.ts';
import type { PgpCheck } from '../../src/trust/index.ts';

/** What work remembers while the process lives: it saves requests and parsing, and nothing else. */
export interface WorkMemory {
  /** Git servers that speak only an old protocol. */
  readonly oldServers: Map<string, 'v0'>;
  /** How registries are spoken to, by host. */
  readonly registries: Map<string, RegistryNote>;
  /** Tokens that registries gave. */
  readonly tokens: Map<string, KeptToken>;
  /** Temporary keys to buckets, by `Kind/namespace/name`. */
  readonly logins: Map<string, TemporaryKeys>;
  /** The view of the revision that was rendered last: many Kustomizations look at one revision, one after another. */
  readonly views: Map<Digest, Tree>;
  /** Documents of that revision that kustomize has parsed: a base is parsed once for all its overlays. */
  readonly parsed: Map<Digest, ParsedTexts>;
}

/** Nothing is remembered yet. */
export function workMemory(): WorkMemory {
  return {
    oldServers: new Map(),
    registries: new Map(),
    tokens: new Map(),
    logins: new Map(),
    views: new Map(),
    parsed: new Map(),
  };
}

/** Lets go of what was lent for a source that is gone; a token that others use as well stays. */
export function forgetSource({ logins, tokens }: Pick<WorkMemory, 'logins' | 'tokens'>, source: string): void {
  logins.delete(source);
  for (const [name, token] of tokens) {
    if (!token.users.has(source)) continue;
    const users = new Set([...token.users].filter((one) => one !== source));
    if (users.size === 0) tokens.delete(name);
    else tokens.set(name, { ...token, users });
  }
}

/** What the work needs, here or in a child process. */
export interface WorkPorts {
  readonly wire: Wire;
  readonly ssh: Ssh;
  readonly pgp: PgpCheck;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  readonly memory: WorkMemory;
}

/** PGP in this process. */
export const pgpHere: PgpCheck = async (job) => (await import('../../src/trust/index.ts')).verifyPgp(job);

export interface RenderWork {
  readonly kustomization: Kustomization;
  readonly root: Digest;
  readonly lastKey: string;
  /** ConfigMaps and Secrets of its namespace. */
  readonly data: readonly DataObject[];
  /** Stored memo of the last render; '' without. */
  readonly memo: string;
  /** How many objects it had. */
  readonly objects: number;
}

export interface RenderDone {
  readonly key: string;
  readonly rendered: Digest;
  /** Of what was built, for the history. */
  readonly built: Digest;
  readonly memo: string;
  readonly leftOut: readonly string[];
}

/** True when the last render still holds: then there is nothing to do. */
export function rendered(job: RenderWork, ports: WorkPorts): boolean {
  const { cache } = ports;
  const last = { key: job.lastKey, data: job.data, memo: () => memoOf(job.memo, cache) };
  return job.lastKey !== '' && whereHere(() => sameRender(viewOf(job.root, ports), job.kustomization, last));
}

/** False where something of it is away: the render finds out whether that is needed. */
function whereHere(ask: () => boolean): boolean {
  try {
    return ask();
  } catch (error) {
    if (asFault(error).code === 'source-incomplete') return false;
    throw error;
  }
}

/** Renders and stores. Fault `source-incomplete` where something that is needed is away. */
export async function renderJob(job: RenderWork, ports: WorkPorts): Promise<RenderDone> {
  const plain = await renderPlainJob(job, ports);
  if (plain !== undefined) return plain;
  const { renderBuilt, parsedTexts } = await byKustomize();
  const parsed = ofRevision(ports.memory.parsed, job.root, () => parsedTexts(KEPT_CHARS));
  const decryption = await decryptionOf(job.kustomization, job.data, ports.limits);
  const seal = await sealingOf(job.kustomization, job.data);
  const options = { ...optionsOf(job, ports), parsed, decryption, seal };
  const view = viewOf(job.root, ports);
  return keep(await renderBuilt(view, job.kustomization, options), ports);
}

/** The same without kustomize; undefined where that is needed. */
export async function renderPlainJob(job: RenderWork, ports: WorkPorts): Promise<RenderDone | undefined> {
  const view = viewOf(job.root, ports);
  const outcome = renderPlainly(view, job.kustomization, optionsOf(job, ports));
  return outcome === undefined ? undefined : keep(outcome, ports);
}

function optionsOf(job: RenderWork, { cache, limits }: WorkPorts): RenderOptions {
  const stored = (digest: Digest): boolean => cache.store.has(digest);
  return { limits, data: job.data, memo: memoOf(job.memo, cache), stored };
}

async function keep(outcome: RenderOutcome, { cache }: WorkPorts): Promise<RenderDone> {
  const memo = Buffer.from(outcome.memo);
  const rendered = await cache.storeRender(outcome.set, (digest) => outcome.bodies.get(digest), [memo]);
  return { key: outcome.key, rendered, built: outcome.built, memo: sha256(memo), leftOut: outcome.leftOut };
}

/** Folders up to so many files and bytes are rendered faster than a child is asked. */
const SMALL = { files: 64, bytes: 512 * 1024 };

/** Whether the folder that a Kustomization names is small. */
export function isSmall(job: RenderWork, ports: WorkPorts): boolean {
  const left = { ...SMALL };
  return whereHere(() => fits(viewOf(job.root, ports), job.kustomization.spec.path, left));
}

/** Trees up to so many files and bytes are packed in this process: what is held at once is small, and zlib has a thread. */
const PACKS_FAST = { files: 4_000, bytes: 16 * 1024 * 1024 };

/** Whether an archive of a folder is made soon. */
export function packsFast(root: Digest, ports: WorkPorts): boolean {
  return fits(hereOf(viewOf(root, ports)), '', { ...PACKS_FAST });
}

/** A tree without what is below folders that are away. */
function hereOf(tree: Tree): Pick<Tree, 'list'> {
  const isHere = (path: string): boolean => whereHere(() => tree.list(path) !== undefined);
  return { list: (path) => (isHere(path) ? tree.list(path) : undefined) };
}

function fits(tree: Pick<Tree, 'list'>, path: string, left: { files: number; bytes: number }): boolean {
  for (const entry of tree.list(path) ?? []) {
    left.files -= 1;
    left.bytes -= entry.size;
    if (left.files < 0 || left.bytes < 0) return false;
    const below = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.type === 'directory' && !fits(tree, below, left)) return false;
  }
  return true;
}

/** Text whose parsed form is kept while a revision is rendered, characters; the form takes about ten times as much. */
const KEPT_CHARS = 4 * 1024 * 1024;

/** What belongs to one revision; that of another one is let go of. */
function ofRevision<T>(known: Map<Digest, T>, root: Digest, make: () => T): T {
  const found = known.get(root);
  if (found !== undefined) return found;
  const made = make();
  known.clear();
  known.set(root, made);
  return made;
}

const viewOf = (root: Digest, { cache, memory }: WorkPorts): Tree =>
  ofRevision(memory.views, root, () => cache.store.tree(root));

/** Loaded when the first kustomization comes: it is as large as all else together. */
const byKustomize = () => import('../../src/render/built/index.ts');

/** Loaded for those that ask for it. */
export async function decryptionOf(
  kustomization: Kustomization,
  data: readonly DataObject[],
  limits: Limits,
): Promise<Decryption | undefined> {
  if (kustomization.spec.decryption === undefined) return undefined;
  const { decryptionFor } = await import('../../src/sops/index.ts');
  return decryptionFor(kustomization, data, limits);
}

/** How objects are stored that values of Secrets were put into. */
export async function sealingOf(
  kustomization: Kustomization,
  data: readonly DataObject[],
): Promise<((json: Uint8Array) => Uint8Array) | undefined> {
  const key = sealingKey(kustomization, data);
  if (key === undefined) return undefined;
  const { agentSource, sealer } = await import('../../src/sops/seal/index.ts');
  return sealer(agentSource(key), `${kustomization.meta.namespace}/${kustomization.meta.name}`).seal;
}

/** The memo is only a short cut: what is not there any more, or damaged, is done without. */
function memoOf(digest: string, cache: Cache): string | undefined {
  try {
    return digest !== '' && cache.store.has(digest as Digest)
      ? Buffer.from(cache.store.get(digest as Digest)).toString('utf8')
      : undefined;
  } catch {
    return undefined;
  }
}
