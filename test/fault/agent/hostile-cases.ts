import type { Repo } from '../../gitserver/index.ts';
import { configMap } from './pairs.ts';

const MIB = 1024 * 1024;

/** A repository that must be refused. */
export interface Case {
  readonly title: string;
  readonly make: (repo: Repo, ns: string) => Promise<unknown>;
  /** Where it is refused: at the fetch, or at the render. */
  readonly at: 'source' | 'render';
  readonly code: string;
  readonly message: RegExp;
  /** More lines of the Kustomization's spec. */
  readonly spec?: string;
}

const blob = (repo: Repo, text = 'x'): Promise<string> => repo.object('blob', text);

/** A commit whose root has one harmless file and one entry written by hand. */
const withEntry =
  (name: string, mode = '100644') =>
  async (repo: Repo): Promise<void> => {
    const id =
      mode === '40000' ? await repo.rawTree([{ mode: '100644', name: 'a', id: await blob(repo) }]) : await blob(repo);
    await repo.commitTree(
      await repo.rawTree([
        { mode, name, id },
        { mode: '100644', name: 'zz.yaml', id: await blob(repo, configMap('never', 'default')) },
      ]),
    );
  };

const manifest =
  (text: string | Uint8Array) =>
  (repo: Repo): Promise<string> =>
    repo.commit({ 'ok.yaml': configMap('never', 'default'), 'bad.yaml': text });

const sourceNames: readonly Case[] = [
  ['a name ..', '..', '40000', /'\.\.' is refused: it leads out of its folder/],
  ['a name .', '.', '40000', /'\.' is refused: it leads out of its folder/],
  ['a name with a slash', '../../etc/cron.d/x', '100644', /slash/],
  ['a name with a backslash', 'a\\..\\b', '100644', /backslash/],
  ['a name with a line break', 'a\nb.yaml', '100644', /control character/],
  ['a .git folder', '.git', '40000', /stands for a \.git folder/],
  ['a .git folder in disguise', '.GIT ', '40000', /stands for a \.git folder/],
].map(([title, name, mode, message]) => ({
  title: String(title),
  make: withEntry(String(name), String(mode)),
  at: 'source' as const,
  code: 'source-',
  message: message as RegExp,
}));

const sourceCases: readonly Case[] = [
  ...sourceNames,
  {
    title: 'one name twice',
    make: async (repo) => {
      const id = await blob(repo, 'a: 1');
      const entry = { mode: '100644', name: 'a.yaml', id };
      await repo.commitTree(await repo.rawTree([entry, entry]));
    },
    at: 'source',
    code: 'source-',
    message: /a\.yaml.*twice|order/,
  },
  {
    title: '100,000 files',
    make: async (repo) => {
      const id = await blob(repo, 'a: 1');
      const tree = await repo.rawTree(
        Array.from({ length: 100_000 }, (_, i) => ({
          mode: '100644',
          name: `f${String(i).padStart(6, '0')}.yaml`,
          id,
        })),
      );
      await repo.commitTree(tree);
    },
    at: 'source',
    code: 'source-bounds',
    message: /limits\.treeFiles/,
  },
  {
    title: 'a folder inside a folder, 200 deep',
    make: async (repo) => {
      let tree = await repo.rawTree([{ mode: '100644', name: 'a.yaml', id: await blob(repo) }]);
      for (let i = 0; i < 200; i += 1) tree = await repo.rawTree([{ mode: '40000', name: 'd', id: tree }]);
      await repo.commitTree(tree);
    },
    at: 'source',
    code: 'source-bounds',
    message: /limits\.treeDepth/,
  },
  {
    title: 'a file of 40 MiB',
    make: (repo) => repo.commit({ 'huge.yaml': Buffer.alloc(40 * MIB, 'x') }),
    at: 'source',
    code: 'source-bounds',
    message: /limits\.objectBytes/,
  },
  {
    title: 'a gigabyte that is a few kilobytes to send',
    make: async (repo) => {
      const id = await repo.object('blob', Buffer.alloc(30 * MIB));
      await repo.commitTree(
        await repo.rawTree(Array.from({ length: 40 }, (_, i) => ({ mode: '100644', name: `f${i + 10}.yaml`, id }))),
      );
    },
    at: 'source',
    code: 'source-bounds',
    message: /limits\.treeBytes/,
  },
  {
    title: 'no commit at all',
    make: async () => undefined,
    at: 'source',
    code: 'source-empty',
    message: /empty|no commit/,
  },
];

const aliasBomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\n${Array.from(
  { length: 9 },
  (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${Array(10).fill(`*${'abcdefghi'[i]}`).join(', ')}]\n`,
).join('')}`;

const renderCases: readonly Case[] = [
  {
    title: 'one line of 7 MB',
    make: manifest(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {a: "${'x'.repeat(7 * MIB)}"}\n`),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.manifestLineBytes/,
  },
  {
    title: 'one line of 10 MB',
    make: manifest(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {a: "${'x'.repeat(10 * MIB)}"}\n`),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.manifestBytes/,
  },
  {
    title: 'a bomb of aliases',
    make: manifest(aliasBomb),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.yaml/,
  },
  {
    title: 'lists inside lists, 100,000 deep',
    make: manifest(`a: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.yamlDepth/,
  },
  {
    title: 'maps inside maps by indentation, 2,000 deep',
    make: manifest(Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.yamlDepth/,
  },
  {
    title: 'two million values',
    make: manifest(`a: [${'1,'.repeat(1_900_000)}1]\n`),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*limits\.yamlNodes/,
  },
  {
    title: 'a file of 60,000 objects',
    make: manifest(
      Array.from(
        { length: 60_000 },
        (_, i) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: c${i}}}\n---\n`,
      ).join(''),
    ),
    at: 'render',
    code: 'build-failed',
    message: /limits\.renderObjects/,
  },
  {
    title: 'bytes that are no UTF-8',
    make: manifest(Buffer.concat([Buffer.from('a: "'), Buffer.from([0xff, 0xfe, 0xc0, 0x80]), Buffer.from('"\n')])),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml.*UTF-8/i,
  },
  {
    title: 'what is no manifest',
    make: manifest('just words\n'),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml/,
  },
  {
    title: 'a key that is in every object of JavaScript',
    make: manifest(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: p, __proto__: {polluted: yes}}\n__proto__: {polluted: yes}\nkind: Twice\n',
    ),
    at: 'render',
    code: 'build-failed',
    message: /bad\.yaml/,
  },
  {
    title: 'a kustomization that names files outside',
    make: (repo) => repo.commit({ 'kustomization.yaml': 'resources: [../../../etc/passwd]\n' }),
    at: 'render',
    code: 'build-failed',
    message: /etc\/passwd/,
  },
  {
    title: 'a kustomization that names a URL',
    make: (repo) => repo.commit({ 'kustomization.yaml': 'resources: ["https://127.0.0.1:1/x.yaml"]\n' }),
    at: 'render',
    code: 'build-failed',
    message: /127\.0\.0\.1:1/,
  },
  {
    title: 'a kustomization that names a link out of the tree',
    make: (repo) => repo.commit({ 'kustomization.yaml': 'resources: [l.yaml]\n', 'l.yaml': { link: '/etc/passwd' } }),
    at: 'render',
    code: 'build-failed',
    message: /l\.yaml/,
  },
  {
    title: 'a path that is a link out of the tree',
    make: (repo) => repo.commit({ 'ok.yaml': configMap('never', 'default'), out: { link: '/etc' } }),
    spec: 'path: ./out',
    at: 'render',
    code: 'path-missing',
    message: /out/,
  },
  {
    title: 'a kustomization that contains itself',
    make: (repo) =>
      repo.commit({ 'kustomization.yaml': 'resources: [a]\n', 'a/kustomization.yaml': 'resources: [../a, ../]\n' }),
    at: 'render',
    code: 'build-failed',
    message: /cycle|itself/,
  },
];

export const CASES: readonly Case[] = [...sourceCases, ...renderCases];
