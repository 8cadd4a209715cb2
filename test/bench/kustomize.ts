import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskTree } from '../../agent/cli/disk-tree.ts';
import { build, parsedTexts, toObjects, toYaml } from '../../src/render/kustomize/index.ts';
import { kustomizeParts } from '../kustomize/index.ts';
import { costOf, largestCases, least } from './kustomize-cases.ts';

/**
 * `npm run bench -- kustomize`: the library and the built program against kustomize v5.8.1, in one run, with the growth from
 * 100 to 10,000 objects and the largest real cases; times are CPU of all threads where nothing else is said. `npm run bench -- kustomize cases` is the latter alone.
 */

/** The built program: its start is part of what a person waits for. */
const BINARY = join(import.meta.dirname, '..', '..', 'dist', 'holdfast');

const line = (name: string, value: string): void => console.log(`${name.padEnd(58)} ${value}`);

function application(i: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${i}
spec:
  selector:
    matchLabels: {app: app-${i}}
  template:
    metadata:
      labels: {app: app-${i}}
    spec:
      serviceAccountName: sa-${i}
      containers:
      - name: main
        image: nginx:1.${i}
        env:
        - name: A
          valueFrom: {configMapKeyRef: {name: cm-${i}, key: a}}
        ports: [{containerPort: 80, protocol: TCP}]
---
apiVersion: v1
kind: Service
metadata: {name: app-${i}}
spec:
  selector: {app: app-${i}}
  ports: [{port: 80, protocol: TCP}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa-${i}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cm-${i}}
data: {a: "1", b: "text"}
`;
}

const OVERLAY = `resources: [../base]
namespace: prod
namePrefix: p-
labels:
- pairs: {env: prod}
  includeSelectors: true
commonAnnotations: {note: x}
images:
- {name: nginx, newTag: v9}
configMapGenerator:
- {name: made, literals: [a=b]}
patches:
- target: {kind: Deployment}
  patch: |-
    - op: add
      path: /spec/revisionHistoryLimit
      value: 3
`;

/** A base of so many objects, and overlays over it. */
function repository(folder: string, objects: number, overlays: number): void {
  mkdirSync(join(folder, 'base'), { recursive: true });
  const files = Array.from({ length: Math.ceil(objects / 4) }, (_, i) => `r${i}.yaml`);
  for (const [i, file] of files.entries()) writeFileSync(join(folder, 'base', file), application(i));
  writeFileSync(join(folder, 'base/kustomization.yaml'), `resources:\n${files.map((file) => `- ${file}\n`).join('')}`);
  for (let i = 0; i < overlays; i++) {
    mkdirSync(join(folder, `over${i}`));
    writeFileSync(join(folder, `over${i}/kustomization.yaml`), OVERLAY);
  }
}

const parts = await kustomizeParts();
const onlyCases = process.argv[2] === 'cases';
line('load of the machine (1 minute)', (loadavg()[0] ?? 0).toFixed(1));
const work = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
try {
  for (const objects of onlyCases ? [] : [100, 1_000, 10_000]) {
    const folder = join(work, String(objects));
    repository(folder, objects, 1);
    const tree = diskTree(folder);
    const times = objects > 5_000 ? 2 : 5;
    const text = least(times, () => toYaml(build(tree, 'over0')));
    const plain = least(times, () => toObjects(build(tree, 'over0')));
    line(
      `${objects} objects: library, warm, as text`,
      `${text.toFixed(0)} ms (${((text * 1000) / objects).toFixed(0)} us an object)`,
    );
    line(`${objects} objects: library, warm, as objects`, `${plain.toFixed(0)} ms`);
    if (parts === undefined || objects > 5_000) continue;
    const reference = costOf(parts, 3, parts.kustomize, 'build', join(folder, 'over0'));
    const own = costOf(parts, 3, BINARY, 'build', join(folder, 'over0'));
    for (const [name, cost] of [
      ['kustomize build', reference],
      ['holdfast build', own],
    ] as const)
      line(
        `${objects} objects: ${name}, process`,
        `${cost.cpu.toFixed(0)} ms of CPU, ${cost.wall.toFixed(0)} ms by the clock, peak ${cost.peak.toFixed(0)} MiB`,
      );
    line(
      `${objects} objects: against kustomize's process, CPU`,
      `library x${(text / reference.cpu).toFixed(2)}, process x${(own.cpu / reference.cpu).toFixed(2)}`,
    );
  }
  if (!onlyCases) overlays();
  if (parts === undefined) console.log('no Go to build kustomize with: nothing to compare with');
  else await largestCases(parts, BINARY);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Many small overlays over one base, which is parsed once. */
function overlays(): void {
  const folder = join(work, 'overlays');
  repository(folder, 40, 100);
  const tree = diskTree(folder);
  const all = least(3, () => {
    const parsed = parsedTexts(4 * 1024 * 1024);
    for (let i = 0; i < 100; i++) toObjects(build(tree, `over${i}`, { parsed }));
  });
  line('100 overlays over one base of 40 objects', `${all.toFixed(0)} ms`);
  line('memory of this process at the end', `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
}
