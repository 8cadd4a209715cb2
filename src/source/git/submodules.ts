import {
  type Digest,
  Fault,
  type Limits,
  type RevisionPart,
  reworded,
  type SourceRevision,
  type StoredEntry,
} from '../../model/index.ts';
import type { ContentReader } from '../../ports/index.ts';
import { outside } from './admit.ts';
import { fetchGit } from './fetch.ts';
import { parseGitmodules, type Submodule, submoduleUrl } from './gitmodules.ts';
import type { GitOptions, GitPorts, GitRequest } from './request.ts';

/** What all submodules of one revision share. */
interface Descent {
  readonly ports: GitPorts;
  readonly request: GitRequest;
  readonly options: GitOptions;
  readonly sparse: readonly string[];
  /** The submodules of the revision before: the difference to them is asked for. */
  readonly before: readonly RevisionPart[];
  /** Milliseconds of `timeoutMs` that are left. */
  readonly left: () => number;
  readonly parts: RevisionPart[];
}

/** A repository whose submodules are looked for. */
interface Level {
  readonly root: Digest;
  readonly url: string;
  /** Where its root is in the whole. */
  readonly prefix: string;
  readonly depth: number;
}

/**
 * Fetches the submodules of a revision, each at the commit that the repository around it pins, and theirs in turn.
 * Outer before inner. A submodule that `.gitmodules` does not name, or whose path holds none, stays empty. Faults as of
 * `fetchGit`, with the submodule's path in front.
 */
export async function fetchSubmodules(
  ports: GitPorts,
  request: GitRequest,
  options: GitOptions,
  from: { readonly own: SourceRevision; readonly sparse: readonly string[]; readonly left: () => number },
): Promise<readonly RevisionPart[]> {
  const before = (request.have?.composed?.parts ?? []).filter(({ kind }) => kind === 'module');
  const descent: Descent = { ports, request, options, before, parts: [], sparse: from.sparse, left: from.left };
  await descend(descent, { root: from.own.root, url: request.url, prefix: '', depth: 1 });
  return descent.parts;
}

async function descend(descent: Descent, level: Level): Promise<void> {
  const { limits } = descent.options;
  for (const { module, commit } of pinned(descent.ports.store, level.root, limits)) {
    const path = level.prefix === '' ? module.path : `${level.prefix}/${module.path}`;
    if (outside(path, descent.sparse)) continue;
    if (level.depth > limits.submoduleDepth)
      throw new Fault(
        'source-bounds',
        `submodule '${path}': submodules are nested deeper than ${limits.submoduleDepth} (limits.submoduleDepth)`,
      );
    if (descent.parts.length >= limits.submodules)
      throw new Fault('source-bounds', `more than ${limits.submodules} submodules (limits.submodules)`);
    const url = submoduleUrl(level.url, module);
    const content = await fetchOne(descent, { path, url, commit });
    const { revision, root, keep } = content;
    descent.parts.push({ kind: 'module', source: plainUrl(url), fromPath: '', toPath: path, revision, root, keep });
    await descend(descent, { root, url, prefix: path, depth: level.depth + 1 });
  }
}

interface Pinned {
  readonly path: string;
  readonly url: string;
  readonly commit: string;
}

async function fetchOne(descent: Descent, { path, url, commit }: Pinned): Promise<SourceRevision> {
  const { ports, request, options, before } = descent;
  const old = before.find((part) => part.source === plainUrl(url) && part.toPath === path);
  const have: SourceRevision | undefined =
    old === undefined ? undefined : { revision: old.revision, root: old.root, keep: old.keep, metadata: {} };
  const wanted: GitRequest = {
    ...credentialsFor(url, request),
    url,
    ref: { commit },
    sparseCheckout: [],
    timeoutMs: descent.left(),
    ...(request.tenant === undefined ? {} : { tenant: request.tenant }),
    ...(have === undefined ? {} : { have }),
  };
  try {
    const outcome = await fetchGit(ports, wanted, options);
    if (outcome.kind === 'fetched') return outcome.content;
    if (have === undefined) throw new Fault('internal', 'unchanged without a revision before');
    return have;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw reworded(error, { message: `submodule '${path}': ${error.message}` });
  }
}

/** Who we are is told to the parent's own server only; a `.gitmodules` must not lead credentials elsewhere. */
function credentialsFor(url: string, request: GitRequest): Partial<GitRequest> {
  const proxy = request.proxy === undefined ? {} : { proxy: request.proxy };
  // A key is not given away by using it, and the host must be one of known_hosts.
  const ssh = request.ssh === undefined ? {} : { ssh: request.ssh };
  if (originOf(url) === originOf(request.url))
    return {
      ...proxy,
      ...ssh,
      ...(request.auth === undefined ? authOfUrl(request.url) : { auth: request.auth }),
      ...(request.tls === undefined ? {} : { tls: request.tls }),
    };
  const ca = request.tls?.ca;
  return { ...proxy, ...ssh, ...(ca === undefined ? {} : { tls: { ca } }) };
}

function originOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function authOfUrl(url: string): Pick<GitRequest, 'auth'> {
  const { username, password, protocol } = new URL(url);
  if (username === '' || !/^https?:$/.test(protocol)) return {};
  return {
    auth: { kind: 'basic', username: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}

/** Declared submodules that the tree has, each with the commit it pins. */
function pinned(
  store: ContentReader,
  root: Digest,
  limits: Limits,
): readonly { readonly module: Submodule; readonly commit: string }[] {
  const file = store
    .folder(root)
    .find(({ name, mode }) => name === '.gitmodules' && (mode === 'file' || mode === 'exec'));
  if (file?.digest === undefined) return [];
  if (file.size > limits.configBytes)
    throw new Fault('source-bounds', `.gitmodules is larger than ${limits.configBytes} bytes (limits.configBytes)`);
  const modules = parseGitmodules(Buffer.from(store.get(file.digest)).toString('utf8'), limits);
  return modules.flatMap((module) => {
    const commit = commitAt(store, root, module.path);
    return commit === undefined ? [] : [{ module, commit }];
  });
}

/** The commit at a path; only through real folders, so that a link leads nowhere. */
function commitAt(store: ContentReader, root: Digest, path: string): string | undefined {
  const steps = path.split('/');
  const last = steps.pop();
  let here: Digest | undefined = root;
  for (const step of steps) {
    const entry: StoredEntry | undefined =
      here === undefined ? undefined : store.folder(here).find((one) => one.name === step);
    here = entry?.mode === 'dir' ? entry.digest : undefined;
  }
  const found = here === undefined ? undefined : store.folder(here).find(({ name }) => name === last);
  return found?.mode === 'module' ? found.alias : undefined;
}

function plainUrl(url: string): string {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain.href;
}
