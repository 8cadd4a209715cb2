import { describe, expect, it } from 'vitest';
import { fetchJob, type Moved } from '../../../agent/workshop/fetch-job.ts';
import { type WorkPorts, workMemory } from '../../../agent/workshop/jobs.ts';
import { openCache } from '../../../src/cache/index.ts';
import { parseFluxObjects } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import { type FakeAnswer, fakeWire } from '../../support/fake-wire.ts';
import { faultDisk } from '../../support/fault-disk.ts';
import { errorXml, fakeS3 } from '../bucket/fake-s3.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };

const BUCKET = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'Bucket',
  metadata: { name: 'store', namespace: 'apps' },
  spec: { interval: '1m', bucketName: 'b', endpoint: 's3.test', insecure: true },
};

/** The Fault of a fetch that keeps its first object, and whose second is answered so. */
async function faultOf(
  answer: FakeAnswer,
  onMoved: (moved: Moved) => void = () => undefined,
  stop = new AbortController(),
): Promise<Fault> {
  const { objects } = parseFluxObjects([{ value: BUCKET, file: 'b.yaml', line: 1 }]);
  const source = objects.find((one) => one.kind === 'Bucket');
  if (source === undefined) throw new Error('not read');
  const s3 = fakeS3([
    { key: 'a', body: 'a' },
    { key: 'b', body: 'b' },
  ]);
  s3.instead = ({ path }) => (path === '/b/b' ? answer : undefined);
  const limits = { ...DEFAULT_LIMITS, bucketDownloads: 1 };
  const cache = openCache({ disk: faultDisk().disk, limits });
  const wire = fakeWire(new Map([['http://s3.test', s3.server]]));
  const ports = { wire, cache, clock, log: silent, limits, memory: workMemory() } as unknown as WorkPorts;
  const error = await fetchJob({ source, data: [], have: undefined, includes: [] }, ports, {
    signal: stop.signal,
    onSize: () => undefined,
    onMoved,
  }).catch((e: unknown) => e);
  if (!(error instanceof Fault)) throw new Error('it succeeded');
  return error;
}

describe('a fetch that brought something and failed', () => {
  it.each<[string, FakeAnswer, boolean]>([
    ['wire-unreachable', { end: 'cut' }, true],
    ['wire-server', { status: 500 }, false],
    ['wire-throttled', { status: 429 }, false],
    ['source-auth', { status: 403, parts: [errorXml('AccessDenied')] }, false],
    ['wire-protocol', { parts: ['<html>'] }, false],
  ])('goes on soon only where the link is to blame: %s', async (code, answer, progress) => {
    const fault = await faultOf(answer);
    expect(fault).toMatchObject({ code, progress });
    expect(fault.spent?.requests).toBeGreaterThanOrEqual(2);
  });

  it('and is called off for want of time goes on soon, too, and tells on the way what it has moved', async () => {
    const told: Moved[] = [];
    const stop = new AbortController();
    const fault = await faultOf(
      { end: 'hang', parts: ['x'] },
      (moved) => {
        told.push(moved);
        if (moved.kept) stop.abort();
      },
      stop,
    );
    expect(fault.progress).toBe(true);
    expect(told.map(({ kept }) => kept)).toContain(true);
    expect(told.at(-1)?.spent).toEqual(fault.spent);
    expect(fault.spent?.requests).toBeGreaterThan(told[0]?.spent.requests ?? 9);
  });
});
