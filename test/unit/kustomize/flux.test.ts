import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../../agent/cli/build.ts';
import type { KubeObject } from '../../../src/model/index.ts';
import { type BuildSpec, fluxObjects, generateKustomization } from '../../../src/render/flux-build/index.ts';
import { evaluate, substitute } from '../../../src/render/substitute/index.ts';
import { memoryTree } from './memory-tree.ts';

const SPEC: BuildSpec = {
  path: 'app',
  patches: [],
  images: [],
  components: [],
  ignoreMissingComponents: false,
  buildMetadata: [],
};
const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n';

describe('the kustomization that Flux generates', () => {
  test('lists manifests in order and takes folders with a kustomization whole', () => {
    const tree = memoryTree({
      'app/b.yaml': CONFIG_MAP,
      'app/a/z.yml': CONFIG_MAP,
      'app/k/kustomization.yaml': 'x: 1',
      'app/k/ignored.yaml': 'not: a resource',
      'app/readme.md': 'x',
    });
    expect(generateKustomization(tree, SPEC).text).toBe(
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- ./a/z.yml\n- ./b.yaml\n- ./k\n',
    );
  });

  test('keeps the exponent of a whole float that becomes text', () => {
    const text =
      'images:\n- name: a\n  newTag: 1e7\ncommonLabels: {d: 18446744073709551616, e: 1.0, f: -0.0}\nresources: [x]\n';
    const made = generateKustomization(memoryTree({ 'app/kustomization.yaml': text }), SPEC).text;
    expect(made).toContain('newTag: "1e+07"');
    expect(made).toContain('d: "1.8446744e+19"\n  e: "1"\n  f: "-0"\n');
  });

  test('names the file that is no manifest', () => {
    const tree = memoryTree({ 'app/values.yaml': 'a: 1\n' });
    expect(() => generateKustomization(tree, SPEC)).toThrow(
      'failed to decode Kubernetes YAML from /app/values.yaml: missing Resource metadata',
    );
  });

  test('puts the fields of the Flux object onto the file that is there', () => {
    const tree = memoryTree({
      'app/kustomization.yaml': 'unknown: 1\nresources: [x.yaml]\nnamespace: own\nimages: [{name: a, newTag: "1"}]\n',
    });
    const { text } = generateKustomization(tree, {
      ...SPEC,
      targetNamespace: 'target',
      images: [
        { name: 'a', digest: 'sha256:1' },
        { name: 'b', newName: 'c' },
      ],
      components: ['../gone'],
      ignoreMissingComponents: true,
    });
    expect(text).toContain('namespace: target');
    expect(text).toContain('- digest: sha256:1\n  name: a\n- name: b\n  newName: c\n');
    expect(text).not.toContain('unknown');
    expect(text).not.toContain('gone');
  });

  test('refuses components that are not local', () => {
    const tree = memoryTree({ 'app/a.yaml': CONFIG_MAP });
    expect(() => generateKustomization(tree, { ...SPEC, components: ['https://e.com/c'] })).toThrow(
      'must be local and relative',
    );
  });

  test('says which folder is missing', () => {
    expect(() => generateKustomization(memoryTree({ 'x.yaml': '' }), SPEC)).toThrow("no folder 'app'");
  });
});

describe('substitution', () => {
  const vars = new Map([
    ['PORT', '8080'],
    ['FLAG', 'true'],
    ['q', '"'],
    ['NAME', 'web'],
  ]);
  const object = (data: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data,
  });
  const options = { vars, strict: true, always: false };

  test('gives values the type that their text has', () => {
    const data = { a: '${PORT}', b: '${FLAG}', c: '${q}${PORT}${q}', d: 'x-${PORT}', e: '$${PORT}' };
    expect(substitute(object(data), options)['data']).toEqual({
      a: 8080,
      b: true,
      c: '8080',
      d: 'x-8080',
      e: '${PORT}',
    });
  });

  test('leaves objects alone that are marked, or hold no dollar', () => {
    const marked = {
      ...object({ a: '${PORT}' }),
      metadata: { name: 'x', labels: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } },
    };
    expect(substitute(marked, options)).toBe(marked);
    const plain = object({ a: 'b' });
    expect(substitute(plain, options)).toBe(plain);
  });

  test('fails in strict mode for what is not set, and never shows a value', () => {
    expect(() => substitute(object({ a: '${NOPE}' }), options)).toThrow('variable not set (strict mode): "NOPE"');
    expect(substitute(object({ a: '${NOPE}' }), { ...options, strict: false })['data']).toEqual({ a: null });
  });

  test.each([
    ['${NAME:-x}', 'web'],
    ['${NOPE:-a${NAME}b}', 'awebb'],
    ['${NAME^^}', 'WEB'],
    ['${#NAME}', '3'],
    ['${NAME:1:1}', 'e'],
    ['${NAME%b}', 'we'],
    ['${NAME/e/x}', 'wxb'],
    ['$NAME $(NAME)', '$NAME $(NAME)'],
  ])('%s is %s', (text, expected) => {
    expect(evaluate(text, vars, { strict: false, maxLength: 1000 })).toBe(expected);
  });

  test('patterns made to be slow are stopped', () => {
    const slow = new Map([['S', 'a'.repeat(30_000)]]);
    const start = performance.now();
    expect(() => evaluate('${S##*a*a*a*a*a*b}', slow, { strict: false, maxLength: 1e6 })).toThrow('takes too long');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('runs over the whole build', () => {
    const tree = memoryTree({ 'app/a.yaml': `${CONFIG_MAP}data:\n  p: \${PORT}\n` });
    const postBuild = { substitute: { PORT: '1' }, substituteFrom: [], substituteStrategy: '' };
    expect(fluxObjects(tree, { ...SPEC, postBuild })[0]?.['data']).toEqual({ p: 1 });
  });
});

describe('holdfast build', () => {
  async function cli(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    let out = '';
    let err = '';
    const code = await run(argv, {
      stdout: (text) => {
        out += text;
      },
      stderr: (text) => {
        err += text;
      },
    });
    return { code, out, err };
  }

  test('refuses a link that leads out of the folder, as kustomize does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
    try {
      mkdirSync(join(folder, 'k'));
      writeFileSync(join(folder, 'secret.yaml'), CONFIG_MAP);
      symlinkSync(join(folder, 'secret.yaml'), join(folder, 'k/a.yaml'));
      writeFileSync(join(folder, 'k/kustomization.yaml'), 'resources: [a.yaml]\n');
      const { code, err } = await cli([join(folder, 'k')]);
      expect(code).toBe(1);
      expect(err).toContain('is not in or below');
      expect((await cli([join(folder, 'k'), '--load-restrictor', 'LoadRestrictionsNone'])).code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('prints the build and exits 0, 1 for a build that fails, 2 for wrong flags', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
    try {
      writeFileSync(join(folder, 'kustomization.yaml'), 'resources: [a.yaml]\n');
      expect(await cli([folder])).toMatchObject({ code: 1, out: '' });
      writeFileSync(join(folder, 'a.yaml'), CONFIG_MAP);
      expect(await cli([folder, '--reorder=none'])).toEqual({
        code: 0,
        out: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n',
        err: '',
      });
      expect((await cli([folder, '--reorder', 'odd'])).code).toBe(2);
      expect((await cli(['--kustomization', 'x.yaml'])).code).toBe(2);
      expect((await cli(['--bogus'])).err).toContain('unknown flag: --bogus');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('corners of substitution', () => {
  const eval_ = (text: string, vars: Record<string, string> = {}): string =>
    evaluate(text, new Map(Object.entries(vars)), { strict: false, maxLength: 1000 });

  test('a negative length past the end of a text takes nothing', () => {
    expect(eval_('<${S:1:-1}>')).toBe('<>');
    expect(() => eval_('${S:1:-1}', { S: 'shop' })).toThrow('negative length');
  });

  test('after a colon stands a character of ASCII', () => {
    expect(() => eval_('${S:\u00e9}', { S: 'shop' })).toThrow('bad substitution');
    expect(() => eval_('${S:')).toThrow('bad substitution');
  });

  test('each byte of a cut character shows, and such a text is no YAML', () => {
    expect(eval_('${S:0:2}', { S: '\u65e5' })).toBe('\ufffd\ufffd');
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { k: '${S:0:2}' },
    };
    const options = { vars: new Map([['S', '\u65e5']]), strict: true, always: false };
    expect(() => substitute(object, options)).toThrow('a substring ends inside a character');
  });

  test('variables may not make two objects one', () => {
    const tree = memoryTree({ 'app/r.yaml': `${CONFIG_MAP}---\n${CONFIG_MAP.replace('name: a', 'name: ${NAME}')}` });
    const named = (NAME: string): number =>
      fluxObjects(tree, {
        ...SPEC,
        postBuild: { substitute: { NAME }, substituteFrom: [], substituteStrategy: 'WithVariables' },
      }).length;
    expect(named('b')).toBe(2);
    expect(() => named('a')).toThrow('the variables give two objects one name');
  });
});
