import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { MEMO_FORMAT, renderPlain } from '../../../src/render/plain/index.ts';
import { textTree } from '../../support/text-tree.ts';

const file = (path: string): string => readFileSync(new URL(`testdata/${path}`, import.meta.url), 'utf8');

const POD = `apiVersion: apps/v1
kind: Deployment
metadata: {name: d, creationTimestamp: null, labels: {a: b}, annotations: {kustomize.toolkit.fluxcd.io/ssa: merge}}
spec:
  template:
    spec:
      serviceAccountName: sa
      containers: [{name: c, ports: [{containerPort: 80}], envFrom: [{secretRef: {name: s}}]}]
status: {}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {a: b}
`;

describe('what a render gives', () => {
  it('is what memos of this format hold: when it changes on purpose, raise MEMO_FORMAT and update the snapshot', async () => {
    const tree = textTree({
      'app/a.yaml': file('moved/app/a.yaml'),
      'app/b.yml': file('moved/app/sub/b.yml'),
      'app/pod.yaml': POD,
    });
    const result = renderPlain(tree, 'app', {
      owner: { name: 'apps', namespace: 'flux-system' },
      targetNamespace: 't',
      commonMetadata: { labels: { team: 'edge' }, annotations: { note: 'n' } },
      limits: DEFAULT_LIMITS,
    });
    const shown = 'set' in result ? result.set.objects : [];
    expect(shown.length).toBeGreaterThan(16);
    const golden = new URL(`testdata/memo-format-${MEMO_FORMAT}.golden.json`, import.meta.url).pathname;
    await expect(`${JSON.stringify(shown, null, 1)}\n`).toMatchFileSnapshot(golden);
  });
});
