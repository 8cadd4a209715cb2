import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type SourceRevision } from '../../../src/model/index.ts';
import { fetchGit, type GitRequest } from '../../../src/source/git/index.ts';
import { buildTree, type GitEntry } from '../../../src/source/git/objects.ts';
import { pktLine } from '../../../src/source/git/pkt.ts';
import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { buildPack, oidOf, type PackItem } from '../../support/pack-builder.ts';

type Files = Readonly<Record<string, string>>;
type Item = Extract<PackItem, { type: string }>;

const URL_OF_REPO = 'http://git.test/r.git';
const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

/** A Git server of protocol v2 in a few lines: one branch, packs without what the client has. */
function gitServer(): { server: FakeServer; push(files: Files): void } {
  const objects = new Map<string, Map<string, Item>>();
  let head = '';
  const server: FakeServer = ({ body }) => {
    const headers = { 'content-type': 'application/x-git-upload-pack-result' };
    if (body.includes('command=ls-refs')) return { headers, parts: [`${pktLine(`${head} refs/heads/main\n`)}0000`] };
    const have = objects.get(/have ([0-9a-f]{40})/.exec(body)?.[1] ?? '');
    const sent = [...(objects.get(head) ?? [])].filter(([oid]) => have?.has(oid) !== true).map(([, item]) => item);
    const pack = buildPack(sent);
    const parts: Uint8Array[] = [Buffer.from(pktLine('packfile\n'))];
    for (let at = 0; at < pack.length; at += 1_000) {
      const piece = pack.subarray(at, at + 1_000);
      parts.push(Buffer.from((piece.length + 5).toString(16).padStart(4, '0')), Buffer.from([1]), piece);
    }
    return { headers, parts: [...parts, Buffer.from('0000')] };
  };
  return {
    server,
    push(files) {
      const own = new Map<string, Item>();
      const put = (type: Item['type'], data: Buffer): string => {
        const oid = oidOf(type, data);
        own.set(oid, { type, data });
        return oid;
      };
      const folder = (prefix: string): string => {
        const names = new Set(
          Object.keys(files).flatMap((p) => (p.startsWith(prefix) ? [p.slice(prefix.length).split('/')[0] ?? ''] : [])),
        );
        const entries = [...names].map((name): GitEntry => {
          const text = files[prefix + name];
          return text === undefined
            ? { mode: 'dir', name, oid: folder(`${prefix}${name}/`) }
            : { mode: 'file', name, oid: put('blob', Buffer.from(text)) };
        });
        return put('tree', buildTree(entries));
      };
      head = put(
        'commit',
        Buffer.from(`tree ${folder('')}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n${objects.size}\n`),
      );
      objects.set(head, own);
    },
  };
}

const NAMES = ['a', 'b', 'c.x'] as const;
const pattern = fc
  .tuple(
    fc.constantFrom('', '!'),
    fc.constantFrom('', '/'),
    fc.constantFrom('a', 'b', '*.x', 'c.x', '*', 'nothing'),
    fc.constantFrom('', '/'),
  )
  .map((parts) => parts.join(''));
const ignoreText = fc.array(pattern, { maxLength: 3 }).map((lines) => lines.join('\n'));
const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 });
const edit = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      at: path.map((p) => p.join('/')),
      text: fc.option(fc.constantFrom('1', '2', '3')),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      at: path.map((p) => [...p.slice(1), '.sourceignore'].join('/')),
      text: fc.option(ignoreText),
    }),
  },
);

function apply(files: Files, edits: readonly { at: string; text: string | null }[]): Files {
  const next: Record<string, string> = { ...files };
  for (const { at, text } of edits) {
    if (text === null) {
      delete next[at];
      continue;
    }
    // A file where a folder was, or the other way round, takes its place.
    for (const other of Object.keys(next))
      if (other.startsWith(`${at}/`) || at.startsWith(`${other}/`)) delete next[other];
    next[at] = text;
  }
  return Object.keys(next).length === 0 ? { keep: 'one' } : next;
}

const visible = (store: MemoryStore, root: SourceRevision['root'], at = ''): string[] =>
  (store.tree(root).list(at) ?? []).flatMap(({ name, type }) => {
    const below = at === '' ? name : `${at}/${name}`;
    return type === 'directory' ? visible(store, root, below) : [below];
  });

/** What Flux shows, said once more and simply: patterns of names only, the last that matches decides. */
function oracle(files: Files, spec: string): string[] {
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
  const shown = (folder: string, text: string) => lines(text).map((line) => ({ folder, line }));
  const counted = Object.keys(files)
    .filter((p) => p === '.sourceignore' || p.endsWith('/.sourceignore'))
    .map((p) => p.slice(0, -'.sourceignore'.length))
    .sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1));
  const rules = [...counted.flatMap((f) => shown(f, files[`${f}.sourceignore`] ?? '')), ...shown('', spec)];
  return Object.keys(files)
    .filter((p) => !verdict(rules, p, false))
    .sort();
}

/** True when the last rule that matches leaves the path out. */
function verdict(rules: readonly { folder: string; line: string }[], at: string, isFolder: boolean): boolean {
  let out = false;
  for (const { folder, line } of rules) {
    if (!at.startsWith(folder) || at === folder) continue;
    const parts = at.slice(folder.length).split('/');
    const bare = line.replace(/^!/, '');
    const foldersOnly = bare.endsWith('/');
    const anchored = bare.startsWith('/');
    const name = bare.replaceAll('/', '');
    if (name === '') continue;
    const glob = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    const hit = parts.some(
      (part, i) => glob.test(part) && (!anchored || i === 0) && (!foldersOnly || isFolder || i < parts.length - 1),
    );
    if (hit) out = !line.startsWith('!');
  }
  return out;
}

describe('a repository that evolves', () => {
  it('looks the same commit by commit as fetched afresh, and shows what its rules say', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(edit, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }),
        fc.array(ignoreText, { minLength: 1, maxLength: 2 }),
        async (commits, specs) => {
          const { server, push } = gitServer();
          const wire = fakeWire(new Map([['http://git.test', server]]));
          const store = memoryStore();
          const get = async (into: MemoryStore, ignore: string, have?: SourceRevision): Promise<SourceRevision> => {
            const request: GitRequest = {
              url: URL_OF_REPO,
              ref: { branch: 'main' },
              sparseCheckout: [],
              ignore,
              timeoutMs: 1_000,
              ...(have && { have }),
            };
            const outcome = await fetchGit({ wire, store: into, clock, log: silent }, request, {
              limits: DEFAULT_LIMITS,
            });
            if (outcome.kind === 'fetched') return outcome.content;
            if (have === undefined) throw new Error('unchanged against nothing');
            return have;
          };
          let have: SourceRevision | undefined;
          let files: Files = {};
          for (const [i, edits] of commits.entries()) {
            files = apply(files, edits);
            push(files);
            const ignore = specs[i % specs.length] ?? '';
            have = await get(store, ignore, have);
            const fresh = memoryStore();
            const anew = await get(fresh, ignore);
            expect(have.root).toBe(anew.root);
            expect(have.keep).toEqual(anew.keep);
            expect(visible(store, have.root).sort()).toEqual(oracle(files, ignore));
          }
        },
      ),
      { numRuns: 250 },
    );
  });
});
