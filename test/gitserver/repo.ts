import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Auth } from './auth.ts';
import type { FaultOptions, GitFault } from './faults.ts';
import { runGit } from './git.ts';
import {
  type Changes,
  type CommitOptions,
  commitStream,
  mergePackedRefs,
  type TreeEntry,
  treeBytes,
} from './import.ts';

export type RequestKind = 'info' | 'ls-refs' | 'fetch' | 'push' | 'other';

/** One request as the server saw it. Numbers are complete when the answer has ended. */
export interface GitRequest {
  readonly kind: RequestKind;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  /** Body bytes as they came, so compressed where the client compressed. */
  readonly bodyIn: number;
  readonly bodyOut: number;
  /** The `Git-Protocol` header, or ''. */
  readonly protocol: string;
  /** The `Authorization` header, or ''. */
  readonly authorization: string;
  readonly userAgent: string;
  /** Common name of the client certificate, or ''. */
  readonly certificate: string;
}

export interface RepoOptions {
  readonly auth?: Auth;
  /** Highest protocol version that the server admits to; default 2. */
  readonly protocol?: 0 | 1 | 2;
  /** Settings of the bare repository, over partial clone and any wanted id being allowed. */
  readonly config?: Readonly<Record<string, string>>;
  readonly objectFormat?: 'sha1' | 'sha256';
}

/** A repository on the server. All writing is by git itself. */
export interface Repo {
  readonly name: string;
  readonly url: string;
  /** Folder of the bare repository. */
  readonly dir: string;
  /** One commit with changes to the tree of a branch, which is created when missing. Gives its id. */
  commit(changes: Changes, options?: CommitOptions): Promise<string>;
  /** A root commit in place of the branch's history. */
  rewrite(changes: Changes, options?: CommitOptions): Promise<string>;
  /** A tag; with a message an annotated one. Gives the id that the reference holds. */
  tag(
    name: string,
    options?: { readonly at?: string; readonly message?: string; readonly date?: number },
  ): Promise<string>;
  setRef(ref: string, id: string): Promise<void>;
  deleteRef(ref: string): Promise<void>;
  /** Many references to one commit at once; default prefix `refs/heads/many/`, default commit the head of main. */
  manyRefs(count: number, options?: { readonly prefix?: string; readonly at?: string }): Promise<void>;
  /** Moves HEAD to a branch. */
  setHead(branch: string): Promise<void>;
  /** Commit id of a branch or any revision; default `main`. */
  head(revision?: string): Promise<string>;
  /** Writes an object exactly as given, checked by nobody, and gives its id. */
  object(type: 'blob' | 'tree' | 'commit' | 'tag', bytes: Uint8Array | string): Promise<string>;
  /** Writes a tree of exactly these entries: for hostile ones. */
  rawTree(entries: readonly TreeEntry[]): Promise<string>;
  /** A commit of a tree by id, on a branch. */
  commitTree(tree: string, options?: CommitOptions): Promise<string>;
  /** Any git command in the bare repository. */
  git(...args: string[]): Promise<string>;
  setAuth(auth: Auth | undefined): void;
  /** The next answers fail like this; without argument: whole again. */
  fault(fault?: GitFault, options?: FaultOptions): void;
  requests(): readonly GitRequest[];
  totals(): { readonly requests: number; readonly bodyIn: number; readonly bodyOut: number };
  resetRequests(): void;
}

/** The part of a Repo that works on its files. */
export type RepoFiles = Omit<Repo, 'name' | 'url' | 'setAuth' | 'fault' | 'requests' | 'totals' | 'resetRequests'>;

const DEFAULTS: Readonly<Record<string, string>> = {
  'uploadpack.allowFilter': 'true',
  'uploadpack.allowAnySHA1InWant': 'true',
  'http.receivepack': 'true',
  'gc.auto': '0',
  'core.looseCompression': '1',
};

/** Creates a bare repository and gives the means to write it. */
export async function createRepoFiles(dir: string, options: RepoOptions): Promise<RepoFiles> {
  await runGit(['init', '-q', '--bare', '-b', 'main', `--object-format=${options.objectFormat ?? 'sha1'}`, dir]);
  const settings = Object.entries({ ...DEFAULTS, ...options.config });
  for (const [key, value] of settings) await runGit(['config', key, value], { cwd: dir });
  const git = (...args: string[]) => runGit(args, { cwd: dir });
  const clock = { last: 1_700_000_000 };
  const nextDate = (date: number | undefined) => {
    clock.last = date ?? clock.last + 60;
    return clock.last;
  };
  const find = (revision: string) => git('rev-parse', '-q', '--verify', `${revision}^{commit}`).catch(() => undefined);
  const head = async (revision = 'main') => {
    const id = await find(revision);
    if (id === undefined) throw new Error(`no commit ${revision} in ${dir}`);
    return id;
  };
  const write = (changes: Changes, commit: CommitOptions, parent: string | undefined) => {
    const resolved = { ...commit, branch: commit.branch ?? 'main', date: nextDate(commit.date), parent };
    return runGit(['fast-import', '--quiet', '--force', '--done'], {
      cwd: dir,
      input: commitStream(changes, resolved),
    });
  };
  const setRef = async (ref: string, id: string) => void (await git('update-ref', ref, id));
  const object: Repo['object'] = (type, bytes) =>
    runGit(['hash-object', '-w', '--literally', '-t', type, '--stdin'], { cwd: dir, input: bytes });
  return {
    dir,
    git,
    head,
    setRef,
    object,
    commit: async (changes, commit = {}) =>
      write(changes, commit, commit.from ?? (await find(`refs/heads/${commit.branch ?? 'main'}`))),
    rewrite: (changes, commit = {}) => write(changes, commit, undefined),
    tag: async (name, tag = {}) => {
      const at = await head(tag.at);
      if (tag.message === undefined) await setRef(`refs/tags/${name}`, at);
      else {
        const env = { GIT_COMMITTER_DATE: `${nextDate(tag.date)} +0000` };
        await runGit(['tag', '-f', '-a', '-m', tag.message, name, at], { cwd: dir, env });
      }
      return git('rev-parse', `refs/tags/${name}`);
    },
    deleteRef: async (ref) => void (await git('update-ref', '-d', ref)),
    manyRefs: async (count, many = {}) => {
      const at = await head(many.at);
      await git('pack-refs', '--all');
      const path = join(dir, 'packed-refs');
      const name = (index: number) => `${many.prefix ?? 'refs/heads/many/'}${String(index).padStart(6, '0')}`;
      const more = Array.from({ length: count }, (_, index) => [name(index), at] as const);
      await writeFile(path, mergePackedRefs(await readFile(path, 'utf8'), more));
    },
    setHead: async (branch) => void (await git('symbolic-ref', 'HEAD', `refs/heads/${branch}`)),
    rawTree: (entries) => object('tree', treeBytes(entries)),
    commitTree: async (tree, commit = {}) => {
      const branch = commit.branch ?? 'main';
      const parent = commit.from ?? (await find(`refs/heads/${branch}`));
      const stamp = `${nextDate(commit.date)} +0000`;
      const parents = parent === undefined ? [] : ['-p', parent];
      const id = await runGit(['commit-tree', tree, ...parents, '-m', commit.message ?? 'Change'], {
        cwd: dir,
        env: { GIT_AUTHOR_DATE: stamp, GIT_COMMITTER_DATE: stamp },
      });
      await setRef(`refs/heads/${branch}`, id);
      return id;
    },
  };
}
