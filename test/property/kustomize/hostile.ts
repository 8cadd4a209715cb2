import fc from 'fast-check';
import { Fault } from '../../../src/model/index.ts';
import { generateKustomization } from '../../../src/render/flux-build/index.ts';
import { build, toObjects, toYaml } from '../../../src/render/kustomize/index.ts';
import { evaluate, TemplateError } from '../../../src/render/substitute/index.ts';
import { memoryTree } from '../../unit/kustomize/memory-tree.ts';
import { repositories } from './generate.ts';

/** No input of this size may take longer. */
const MAX_MS = 2_000;

/** The longest that one input took so far, milliseconds. */
export const slowest = { ms: 0 };

/** Runs something that may fail only with a Fault, in bounded time. */
function tame(work: () => void): void {
  const start = performance.now();
  try {
    work();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code !== 'build-failed' && error.code !== 'path-missing')
      throw new Error(`a Fault with the code ${error.code}`, { cause: error });
  }
  const ms = performance.now() - start;
  slowest.ms = Math.max(slowest.ms, ms);
  if (ms > MAX_MS) throw new Error(`took ${Math.round(ms)} ms`);
}

const PIECES = [
  '$patch: delete',
  '$patch: replace',
  '- $patch: merge',
  'null',
  '~: x',
  '? a',
  '&a [*a]',
  '*a',
  '<<: *a',
  '<<: {a: b}',
  '!!binary x',
  '!!int abc',
  '!<x> y',
  '%YAML 1.1',
  '--- # x',
  '--- x',
  '...',
  '{',
  ']',
  '"\\ud800"',
  '"\\x00"',
  '\t',
  '|9',
  '>+2',
  "'",
  '- - - -',
  '__proto__: {a: b}',
  'constructor: 1',
  'name: [a]',
  'metadata: x',
  'annotations: null',
  'kind: List\nitems: x',
  'items: [null, 1, {}]',
  'path: ../../../../etc/passwd',
  'path: /dev/zero',
  'name: (a*)*$',
  'name: \\',
  '- op: move\n  from: /\n  path: /a/b',
  '- op: replace\n  path: ""\n  value: 1',
  'fieldPath: "[a=b]"',
  '- "*.*"',
  'index: -5',
  'literals: ["="]',
  'files: ["a=b=c"]',
];

/** Changes a text in one place. */
const mutation = fc.record({
  at: fc.nat(2_000),
  kind: fc.nat(4),
  piece: fc.constantFrom(...PIECES),
  length: fc.nat(20),
});

function mutate(text: string, m: { at: number; kind: number; piece: string; length: number }): string {
  const at = text.length === 0 ? 0 : m.at % text.length;
  if (m.kind === 0) return text.slice(0, at) + text.slice(at + m.length);
  if (m.kind === 1) return `${text.slice(0, at)}${m.piece}${text.slice(at)}`;
  const lines = text.split('\n');
  const line = m.at % lines.length;
  const indent = /^ */.exec(lines[line] ?? '')?.[0] ?? '';
  if (m.kind === 2) lines[line] = indent + m.piece;
  else if (m.kind === 3) lines.splice(line, 0, indent + m.piece);
  else lines[line] = `${(lines[line] ?? '').replace(/:.*/, ':')} ${m.piece}`;
  return lines.join('\n');
}

type Files = Readonly<Record<string, string | Uint8Array>>;

function buildAll(files: Files, root: string): void {
  const tree = memoryTree(files);
  tame(() => {
    const result = build(tree, root, { loadRestrictor: 'none' });
    toYaml(result);
    if (toObjects(result).length !== result.resources.length) throw new Error('objects are missing');
  });
}

const SPEC = {
  path: 'base',
  patches: [],
  images: [],
  components: [],
  ignoreMissingComponents: false,
  buildMetadata: [],
};

/** Repositories with a few changes in them build or fail with a Fault, in bounded time. */
export const mutatedRepositories = fc.property(
  repositories,
  fc.array(fc.tuple(fc.nat(10), mutation), { minLength: 1, maxLength: 4 }),
  (repository, changes) => {
    const files: Record<string, string> = { ...repository.files };
    const paths = Object.keys(files);
    for (const [i, change] of changes) {
      const path = paths[i % paths.length] ?? '';
      files[path] = mutate(files[path] ?? '', change);
    }
    buildAll(files, repository.root);
    tame(() => void generateKustomization(memoryTree(files), SPEC));
  },
);

const words = fc
  .array(fc.oneof(fc.string(), fc.constantFrom(...PIECES, '\n', '  ', ': ', '- ')), { maxLength: 12 })
  .map((parts) => parts.join(''));

/** Any bytes as a manifest or a kustomization are read or refused with a Fault. */
export const anyBytes = fc.property(words, fc.uint8Array({ maxLength: 60 }), (text, bytes) => {
  buildAll({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': text }, '');
  buildAll({ 'kustomization.yaml': text }, '');
  buildAll({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': bytes }, '');
});

const templatePart = fc.constantFrom(
  '${',
  '}',
  '$',
  '$$',
  'A',
  'B',
  ':',
  '-',
  '=',
  '#',
  '##',
  '%',
  '/',
  '//',
  '^',
  ',,',
  '[',
  ']',
  '*',
  '?',
  '\\',
  'é',
  '1',
  ' ',
);
const templates = fc.array(templatePart, { maxLength: 25 }).map((parts) => parts.join(''));
const VARIABLES = new Map([
  ['A', 'hello/world.é'],
  ['B', ''],
]);

/** Any template evaluates or fails with a TemplateError. */
export const anyTemplate = fc.property(templates, fc.boolean(), (text, strict) => {
  try {
    const done: unknown = evaluate(text, VARIABLES, { strict, maxLength: 100_000 });
    if (typeof done !== 'string') throw new Error(`gave ${typeof done}`);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
  }
});
