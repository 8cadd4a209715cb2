import { expect, it } from 'vitest';
import { foundAsWanted } from '../../../src/apply/adopt.ts';
import type { ApplyOptions, ApplyPorts } from '../../../src/apply/ports.ts';
import type { JsonObject, KubeObject, Step } from '../../../src/model/index.ts';

const object = (version: string, rest: JsonObject): KubeObject =>
  ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'x', resourceVersion: version }, ...rest }) as KubeObject;

/** Reads and dry runs answer what comes next. */
async function look(reads: readonly KubeObject[], dryRuns: readonly KubeObject[]) {
  const [live, dry] = [[...reads], [...dryRuns]];
  const cluster = {
    read: async () => live.shift(),
    apply: async () => ({ object: dry.shift(), created: false }),
  };
  const step = {
    do: 'apply',
    ref: { group: '', version: 'v1', kind: 'X', namespace: 'n', name: 'x' },
  } as unknown as Extract<Step, { do: 'apply' }>;
  const ports = { cluster } as unknown as ApplyPorts;
  const found = await foundAsWanted(step, Buffer.from('{}'), ports, {} as ApplyOptions);
  const what = found !== undefined && 'left' in found ? found.left : found?.object.metadata['resourceVersion'];
  return { found: what, left: live.length + dry.length };
}

it('an object that others write a status to meanwhile is found as wanted', async () => {
  const [before, after] = [object('1', { spec: {}, status: { a: 1 } }), object('2', { spec: {}, status: { a: 2 } })];
  expect(await look([before, after], [after, after])).toEqual({ found: '2', left: 0 });
});

it('one that differs is not, after one look; one that is written to all the time after three', async () => {
  expect(await look([object('1', { spec: {} })], [object('1', { spec: { a: 1 } })])).toEqual({
    found: undefined,
    left: 0,
  });
  const reads = ['1', '2', '3', '4'].map((version) => object(version, { at: version }));
  const dry = ['2', '3', '4', '5'].map((version) => object(version, { at: version }));
  expect(await look(reads, dry)).toEqual({ found: undefined, left: 2 });
});

it('one that asks to be left alone is, whatever is different', async () => {
  const asks = object('1', { spec: {} });
  const annotations = { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' };
  const live = { ...asks, metadata: { ...asks.metadata, annotations } };
  expect(await look([live], [object('1', { spec: { a: 1 } })])).toEqual({
    found: 'reconcile: disabled in the cluster',
    left: 1,
  });
});
