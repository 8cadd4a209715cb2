import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Digest, Fault } from '../../../src/model/index.ts';
import {
  decodeMemo,
  encodeMemo,
  type PlainMemo,
  type PlainOptions,
  type PlainResult,
  renderPlain,
} from '../../../src/render/plain/index.ts';
import { textTree } from '../../support/text-tree.ts';

type Files = Readonly<Record<string, string>>;

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const namespace = fc.constantFrom('', 'x', 'y', 'default');
const object = fc
  .record({
    kind: fc.constantFrom('ConfigMap', 'ServiceAccount', 'Service', 'RoleBinding', 'Pod', 'Namespace', 'Bad'),
    name,
    namespace,
    to: name,
    value: fc.nat(3),
  })
  .map(({ kind, name: own, namespace: at, to, value }) => {
    const meta = `metadata: {name: ${own}${at === '' ? '' : `, namespace: ${at}`}}`;
    if (kind === 'RoleBinding')
      return `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n${meta}\nsubjects: [{kind: ServiceAccount, name: ${to}, namespace: ${at === '' ? 'y' : at}}]\n`;
    if (kind === 'Pod') return `apiVersion: v1\nkind: Pod\n${meta}\nspec: {serviceAccountName: ${to}}\n`;
    if (kind === 'Bad') return value === 0 ? 'a: [\n' : '# nothing\n';
    return `apiVersion: v1\nkind: ${kind}\n${meta}\nvalue: ${value}\n`;
  });
const file = fc.array(object, { maxLength: 2 }).map((all) => all.join('---\n'));
const path = fc.constantFrom('1', '2', '3', 'sub/4', 'sub/5', '__proto__').map((stem) => `app/${stem}.yaml`);
const edit = fc.tuple(path, fc.option(file, { nil: undefined }));
const base: PlainOptions = { owner: { name: 'k', namespace: 'f' }, limits: DEFAULT_LIMITS };
const option = fc.record({ targetNamespace: fc.option(fc.constantFrom('t', 'u'), { nil: undefined }) });

const attempt = (files: Files, options: PlainOptions): PlainResult | string => {
  try {
    return renderPlain(textTree({ 'app/README': '', ...files }), 'app', options);
  } catch (error) {
    expect(error).toBeInstanceOf(Fault);
    return (error as Fault).message;
  }
};

describe('a render that reuses what an earlier one knew', () => {
  it('gives what a render of everything gives, after any edits and changes of options', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(edit, { maxLength: 4 }), option), { minLength: 2, maxLength: 6 }),
        (rounds) => {
          let files: Files = {};
          let previous: PlainMemo | undefined;
          const store = new Set<Digest>();
          for (const [edits, more] of rounds) {
            const next = new Map(Object.entries(files));
            for (const [at, text] of edits) text === undefined ? next.delete(at) : next.set(at, text);
            files = Object.fromEntries(next);
            const full = attempt(files, { ...base, ...more });
            const quick = attempt(files, { ...base, ...more, previous, stored: (digest) => store.has(digest) });
            if (
              typeof full === 'string' ||
              typeof quick === 'string' ||
              'needsKustomize' in full ||
              'needsKustomize' in quick
            ) {
              expect(quick).toEqual(full);
              continue;
            }
            expect(quick.set).toEqual(full.set);
            expect(quick.leftOut).toEqual(full.leftOut);
            expect(quick.memo).toEqual(full.memo);
            for (const digest of quick.bodies.keys()) store.add(digest);
            // Every object is in the store by now, or was handed over.
            expect(quick.set.objects.filter(({ digest }) => !store.has(digest))).toEqual([]);
            previous = decodeMemo(encodeMemo(quick.memo));
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
