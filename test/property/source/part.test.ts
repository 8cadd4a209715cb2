import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, isCovered, type Tree, toJson } from '../../../src/model/index.ts';
import { reachedPaths, renderBuilt } from '../../../src/render/built/index.ts';
import { renderPlainly, staysInside } from '../../../src/render/index.ts';
import { extentOf } from '../../../src/source/git/extent.ts';
import { buildTree, type GitEntry, objectId } from '../../../src/source/git/objects.ts';
import { outermost, viewOf } from '../../../src/source/git/reach.ts';
import type { GitSession } from '../../../src/source/git/request.ts';
import { makeRevision } from '../../../src/source/git/revision.ts';
import { createReadShelf } from '../../../src/source/git/shelf.ts';
import { objectsOf } from '../../support/agent.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';

const LIMITS = DEFAULT_LIMITS;
type Files = Readonly<Record<string, string>>;

/** A repository as Git objects, and which of them a fetch of some paths brings. */
interface Repo {
  readonly files: Files;
  readonly commit: { readonly oid: string; readonly bytes: Buffer };
  readonly root: string;
  readonly trees: ReadonlyMap<string, Buffer>;
}

const oidOf = (type: 'blob' | 'tree' | 'commit', bytes: Uint8Array): string => objectId(type, bytes);

function repoOf(files: Files): Repo {
  const trees = new Map<string, Buffer>();
  const treeOf = (folder: string): string => {
    const names = new Map<string, GitEntry>();
    for (const [path, text] of Object.entries(files)) {
      if (!path.startsWith(folder)) continue;
      const [name = '', ...rest] = path.slice(folder.length).split('/');
      if (names.has(name)) continue;
      if (rest.length > 0) names.set(name, { mode: 'dir', name, oid: treeOf(`${folder}${name}/`) });
      else names.set(name, { mode: 'file', name, oid: oidOf('blob', Buffer.from(text)) });
    }
    const bytes = buildTree([...names.values()]);
    const oid = oidOf('tree', bytes);
    trees.set(folder, bytes);
    return oid;
  };
  const root = treeOf('');
  const person = 'A <a@b.c> 1700000000 +0000';
  const bytes = Buffer.from(`tree ${root}\nauthor ${person}\ncommitter ${person}\n\nsubject\n`);
  return { files, commit: { oid: oidOf('commit', bytes), bytes }, root, trees };
}

/** Puts what a fetch of these paths brings; undefined for everything. */
async function bring(repo: Repo, paths: readonly string[] | undefined, store: MemoryStore): Promise<void> {
  const extent = paths === undefined ? undefined : extentOf(paths, '.sourceignore');
  const writer = await store.writer();
  writer.put(repo.commit.bytes, repo.commit.oid);
  for (const [folder, bytes] of repo.trees)
    if (extent === undefined || folder === '' || extent.has(folder.slice(0, -1), true))
      writer.put(bytes, `${oidOf('tree', bytes)}#raw`);
  for (const [path, text] of Object.entries(repo.files)) {
    const bytes = Buffer.from(text);
    if (extent === undefined || extent.has(path, false)) writer.put(bytes, oidOf('blob', bytes));
  }
  await writer.commit();
}

async function admit(
  repo: Repo,
  ignore: string | undefined,
  paths: readonly string[] | undefined,
  store: MemoryStore,
): Promise<Tree> {
  const request = { sparseCheckout: [], ...(ignore === undefined ? {} : { ignore }) };
  const session = { limits: LIMITS, request, ports: { store } } as unknown as GitSession;
  const writer = await store.writer();
  const choice = { label: 'main', want: repo.commit.oid, commit: undefined, ref: undefined };
  const gathered = { writer, shelf: createReadShelf(writer), index: undefined };
  const part = paths === undefined ? undefined : { paths, asked: '' };
  return store.tree((await makeRevision(session, choice, gathered, part)).root);
}

interface Asked {
  readonly path: string;
  readonly components: readonly string[];
}

function kustomizationOf({ path, components }: Asked) {
  const list = components.length === 0 ? '' : `, components: ${JSON.stringify(components)}`;
  const [found] = objectsOf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: k, namespace: ns }
spec: { interval: 1h, prune: true, sourceRef: { kind: GitRepository, name: s }, path: ${JSON.stringify(`./${path}`)}${list} }
`).kustomizations;
  if (found === undefined) throw new Error('not read');
  return found;
}

type Outcome = { readonly objects: string } | { readonly code: string; readonly paths: readonly string[] };

async function render(tree: Tree, asked: Asked): Promise<Outcome> {
  const one = kustomizationOf(asked);
  const options = { limits: LIMITS, data: [] };
  try {
    const { set, bodies } = renderPlainly(tree, one, options) ?? (await renderBuilt(tree, one, options));
    const texts = set.objects.map((object) => [object.id, Buffer.from(bodies.get(object.digest) ?? []).toString()]);
    return { objects: toJson(texts) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { code: error.code, paths: error.paths };
  }
}

/** The paths that a fetch ends with, as `fetchPaths` finds them: undefined when everything is reached. */
async function close(repo: Repo, asked: Asked, others: boolean): Promise<readonly string[] | undefined> {
  let paths = outermost([asked.path]);
  for (let round = 0; round < 20; round++) {
    if (paths[0] === '') return undefined;
    const store = memoryStore();
    // Other commits may have left anything on the disk: that is no part of this one.
    await bring(repo, others ? undefined : paths, store);
    const { tree } = viewOf(repo.root, createReadShelf(store), extentOf(paths, '.sourceignore'));
    const { spec } = kustomizationOf(asked);
    const wider = outermost([...paths, ...(staysInside(tree, spec, LIMITS) ? [] : reachedPaths(tree, spec, LIMITS))]);
    if (wider.join('\n') === paths.join('\n')) return paths;
    paths = wider;
  }
  throw new Error('never closed');
}

const folder = fc.constantFrom('a', 'b', 'a/c', 'b/c', 'a/c/d', '.github', 'e');
const name = fc.constantFrom('x.yaml', 'y.yaml', 'kustomization.yaml', 'kustomization.yml', 'p.txt', 'q.png');
const special = fc.constantFrom('.sourceignore', 'cloudbuild.yaml', '.sops.yaml', '.drone.yml');
const up = fc.constantFrom('', '../', '../../', '../../../', './');
const target = fc.oneof({ weight: 3, arbitrary: folder }, { weight: 1, arbitrary: fc.constantFrom('', 'c', 'c/d') });
const ref = fc.tuple(up, target).map(([lead, to]) => `${lead}${to}` || '.');
const fileRef = fc
  .tuple(up, target, fc.oneof(name, special))
  .map(([lead, to, file]) => `${lead}${to === '' ? '' : `${to}/`}${file}`);
const some = <T>(of: fc.Arbitrary<T>, most = 2): fc.Arbitrary<T[]> => fc.array(of, { maxLength: most });

const configMap = fc
  .integer({ min: 0, max: 5 })
  .map((n) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: m${n}, namespace: ns }\ndata: { k: v${n} }\n`);
const kustomization = fc
  .record({
    kind: fc.constantFrom('Kustomization', 'Kustomization', 'Component'),
    resources: some(fc.oneof(ref, fileRef), 3),
    components: some(ref, 1),
    files: some(fileRef),
    patches: some(fileRef, 1),
    transformers: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(fileRef, 1) }),
    namePrefix: fc.constantFrom('', 'pre-'),
  })
  .map(({ kind, resources, components, files, patches, transformers, namePrefix }) =>
    JSON.stringify({
      apiVersion: kind === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1',
      kind,
      resources,
      ...(components.length === 0 ? {} : { components }),
      ...(transformers.length === 0 ? {} : { transformers }),
      ...(files.length === 0
        ? {}
        : { configMapGenerator: [{ name: 'gen', files: files.map((f, i) => `k${i}=${f}`) }] }),
      ...(patches.length === 0 ? {} : { patches: patches.map((path) => ({ path, target: { kind: 'ConfigMap' } })) }),
      ...(namePrefix === '' ? {} : { namePrefix }),
    }),
  );
const ignoreText = fc
  .array(fc.constantFrom('*.png', '*.yaml', '!x.yaml', '/a', 'c/', '# no', '!/b/**', 'kustomization.yml', 'd'), {
    maxLength: 3,
  })
  .map((lines) => lines.join('\n'));

/** The text suits the name. */
const entry = fc.oneof(
  fc.tuple(
    fc.constantFrom('', 'a/', 'b/', 'a/c/', 'b/c/', 'a/c/d/', 'e/', '.github/'),
    fc.oneof(name, name, name, special),
  ),
);
const textOf = (file: string): fc.Arbitrary<string> => {
  if (/kustomization/.test(file))
    return fc.oneof({ weight: 6, arbitrary: kustomization }, { weight: 1, arbitrary: fc.constant('{') });
  return file.endsWith('.sourceignore') ? ignoreText : configMap;
};
const files: fc.Arbitrary<Files> = fc
  .uniqueArray(
    entry.map(([dir, file]) => dir + file),
    { minLength: 1, maxLength: 14 },
  )
  .chain((paths) => fc.tuple(...paths.map((path) => textOf(path).map((text) => [path, text] as const))))
  .map((pairs) => Object.fromEntries(pairs));
const asked: fc.Arbitrary<Asked> = fc.record({
  path: folder,
  components: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some(ref, 1) }),
});
const ignores = fc.option(ignoreText, { nil: undefined });

describe('a render of a part', () => {
  it('is that of the whole, or says what it lacks: never another', async () => {
    const seen = { same: 0, lacking: 0 };
    await fc.assert(
      fc.asyncProperty(files, asked, ignores, some(fc.oneof(folder, fileRef), 3), async (all, one, ignore, paths) => {
        const repo = repoOf(all);
        const [full, part] = [memoryStore(), memoryStore()];
        await bring(repo, undefined, full);
        const clean = outermost(paths);
        if (clean[0] === '') return;
        await bring(repo, clean, part);
        const whole = await render(await admit(repo, ignore, undefined, full), one);
        const partial = await render(await admit(repo, ignore, clean, part), one);
        if ('code' in partial && partial.code === 'source-incomplete') {
          seen.lacking += 1;
          expect(partial.paths.length).toBeGreaterThan(0);
        } else {
          seen.same += 1;
          expect(partial).toEqual(whole);
        }
        // What else is on the disk changes nothing.
        expect(await render(await admit(repo, ignore, clean, full), one)).toEqual(partial);
        const parted = memoryStore();
        await bring(repo, undefined, parted);
        await admit(repo, ignore, clean, parted);
        const [after, before] = [
          await admit(repo, ignore, undefined, parted),
          await admit(repo, ignore, undefined, full),
        ];
        expect(after.stat('')?.digest).toBe(before.stat('')?.digest);
      }),
      { numRuns: 1_500 },
    );
    expect(Math.min(seen.same, seen.lacking)).toBeGreaterThan(40);
  });

  it('comes to that of the whole when what it lacks is fetched, mostly in the first fetch', async () => {
    const seen = { first: 0, later: 0, everything: 0, objects: 0 };
    await fc.assert(
      fc.asyncProperty(files, asked, ignores, async (all, one, ignore) => {
        const repo = repoOf(all);
        const full = memoryStore();
        await bring(repo, undefined, full);
        const whole = await render(await admit(repo, ignore, undefined, full), one);
        let paths = await close(repo, one, false);
        expect(await close(repo, one, true)).toEqual(paths);
        for (let round = 0; paths !== undefined; round++) {
          const part = memoryStore();
          await bring(repo, paths, part);
          const partial = await render(await admit(repo, ignore, paths, part), one);
          if ('objects' in partial || partial.code !== 'source-incomplete') {
            expect(partial).toEqual(whole);
            if ('objects' in partial && partial.objects !== '[]') seen.objects += 1;
            seen[round === 0 ? 'first' : 'later'] += 1;
            return;
          }
          expect(round).toBeLessThan(20);
          const known = paths;
          // As the loop does with what was fetched and is away still.
          const wider = outermost([...paths, ...partial.paths.map((path) => (isCovered(path, known) ? '' : path))]);
          paths = wider[0] === '' ? undefined : wider;
        }
        seen.everything += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(seen.first).toBeGreaterThan(20 * seen.later);
    expect(seen.objects).toBeGreaterThan(40);
  });
});
