import { describe, expect, it } from 'vitest';
import { sealingOf } from '../../../agent/workshop/jobs.ts';
import { AGENT_SEAL, type DataObject, type Kustomization, type KustomizationSpec } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, fromJson } from '../../../src/model/index.ts';
import { renderBuilt } from '../../../src/render/built/index.ts';
import { agentSource, isSealed, sealer } from '../../../src/sops/seal/index.ts';
import { memoryTree } from '../kustomize/memory-tree.ts';

const META = { namespace: 'apps', name: 'app', annotations: {}, labels: {}, generation: 1, uid: '', requestedAt: '' };
const FILES = {
  'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: filled}\ndata: {url: "https://u:${password}@h"}\n',
  'app/b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n',
};

function data(kind: DataObject['kind'], name: string, entries: Readonly<Record<string, string>>): DataObject {
  const bytes = Object.entries(entries).map(([key, text]) => [key, Buffer.from(text)] as const);
  return { kind, name, namespace: 'apps', type: 'Opaque', data: new Map(bytes), origin: 'f' };
}

const KEY = data('Secret', AGENT_SEAL, { 'seal.key': 'k'.repeat(32) });

async function render(kind: DataObject['kind'], more: readonly DataObject[]) {
  const postBuild = { substitute: {}, substituteFrom: [{ kind, name: 'values', optional: false }] };
  const empty = { path: 'app', patches: [], images: [], components: [], buildMetadata: [] };
  const spec = { ...empty, ignoreMissingComponents: false, postBuild } as unknown as KustomizationSpec;
  const one = { kind: 'Kustomization', meta: META, spec } as unknown as Kustomization;
  const all = [data(kind, 'values', { password: 'correct-horse' }), ...more];
  const seal = await sealingOf(one, all);
  return renderBuilt(memoryTree(FILES), one, { limits: DEFAULT_LIMITS, data: all, seal });
}

describe('values of Secrets that are put into objects', () => {
  it('are stored sealed by the agent’s own key, and only where they are', async () => {
    const { set, bodies, memo, key } = await render('Secret', [KEY]);
    const stored = [...bodies.values(), JSON.stringify(set), memo, key].map((one) =>
      Buffer.from(one).toString('latin1'),
    );
    expect(stored.filter((text) => text.includes('correct-horse'))).toEqual([]);
    const sealed = set.objects.filter(({ digest }) => isSealed(bodies.get(digest) ?? new Uint8Array()));
    expect(sealed.map(({ ref }) => ref.name)).toEqual(['filled']);
    const body = bodies.get(sealed[0]?.digest ?? 'sha256:') ?? new Uint8Array();
    const opened = sealer(agentSource(KEY), 'apps/app').open(body);
    expect(fromJson(Buffer.from(opened).toString('utf8'))).toMatchObject({
      data: { url: 'https://u:correct-horse@h' },
    });
  });

  it('are the same bytes again for the same key, and others for another', async () => {
    const other = data('Secret', AGENT_SEAL, { 'seal.key': 'x'.repeat(32) });
    const [first, again, moved] = [
      await render('Secret', [KEY]),
      await render('Secret', [KEY]),
      await render('Secret', [other]),
    ];
    expect([again.key, again.set]).toEqual([first.key, first.set]);
    expect(moved.key).not.toBe(first.key);
    expect(moved.set).not.toEqual(first.set);
  });

  it('are no secret when they are of a ConfigMap', async () => {
    const { bodies } = await render('ConfigMap', [KEY]);
    expect([...bodies.values()].filter(isSealed)).toEqual([]);
  });
});
