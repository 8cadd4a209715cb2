import { expect, it } from 'vitest';
import { createOffers, takeOffers } from '../../../agent/loop/source-offer.ts';
import type { SourcePorts, SourceRun } from '../../../agent/loop/source-state.ts';
import { Fault } from '../../../src/model/index.ts';

const PART = { path: '/stick/a', form: 'git', span: { start: 0, size: 1 } } as const;

it('an offer of what is dropped is refused, and so is one that comes after everything was', async () => {
  const offers = createOffers();
  const [one, two] = [offers.give('a', PART), offers.give('b', PART)];
  offers.drop('a');
  await expect(one).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  offers.drop(undefined);
  await expect(two).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  await expect(offers.give('c', PART)).rejects.toMatchObject({ code: 'bundle-unclaimed' });
  expect(offers.take('c')).toEqual([]);
});

it('an offer of a source that was away for a while is taken by its next run', async () => {
  const offers = createOffers();
  const early = offers.give('a', PART);
  offers.drop('a');
  await expect(early).rejects.toThrow('not declared');
  const later = offers.give('a', PART);
  for (const one of offers.take('a')) one.settle({ revision: 'main', isNew: true });
  expect(await later).toEqual({ revision: 'main', isNew: true });
});

it('what a layout has is taken while the API server, which has the Secrets, is away', async () => {
  const offers = createOffers();
  const answer = offers.give('OCIRepository/x/a', { ...PART, form: 'oci' });
  const object = { kind: 'OCIRepository', meta: {}, spec: { provider: 'generic' } };
  const away = (): Promise<never> => Promise.reject(new Fault('cluster-unreachable', 'away'));
  const taken: unknown[] = [];
  const workshop = {
    take: async (work: { readonly data: unknown }) => {
      taken.push(work.data);
      return { kind: 'unchanged', revision: 'latest' };
    },
  };
  const env = { records: { source: () => undefined }, workshop };
  const ports = { env, data: away, includes: () => [], signal: new AbortController().signal };
  const run = { key: 'OCIRepository/x/a', object } as unknown as SourceRun;
  await takeOffers(run, offers, ports as unknown as SourcePorts);
  expect([await answer, taken]).toEqual([{ revision: 'latest', isNew: false }, [[]]]);
});

const VERIFY = { secretRef: { name: 'keys' } };
it.each([
  ['GitRepository', {}, false],
  ['GitRepository', { verify: VERIFY }, true],
  ['GitRepository', { ref: { commit: '1'.repeat(40) } }, false],
  ['OCIRepository', { ref: { tag: 'v1' } }, false],
  ['OCIRepository', { ref: { tag: 'v1' }, verify: VERIFY }, true],
  ['OCIRepository', { ref: { digest: 'sha256:1' } }, true],
  ['Bucket', {}, false],
  ['ExternalArtifact', {}, true],
])('of %s %j, a file is taken under inbox.requireVerify: %s', async (kind, spec, proves) => {
  const offers = createOffers();
  const told: string[] = [];
  const workshop = { take: async () => ({ kind: 'unchanged', revision: 'r' }) };
  const news = { event: ({ reason }: { readonly reason: string }) => void told.push(reason) };
  const env = { records: { source: () => undefined }, workshop, news };
  const ports = { env, data: async () => [], includes: () => [], signal: new AbortController().signal };
  const object = { kind, meta: {}, spec: { provider: 'generic', ...spec } };
  const run = { key: `${kind}/x/a`, object } as unknown as SourceRun;
  const ask = async (mustProve: boolean): Promise<unknown> => {
    const answer = offers.give(run.key, { ...PART, mustProve }).catch((error: unknown) => error);
    await takeOffers(run, offers, ports as unknown as SourcePorts);
    return answer;
  };
  const taken = { revision: 'r', isNew: false };
  expect(await ask(false)).toEqual(taken);
  if (proves) expect(await ask(true)).toEqual(taken);
  else expect(await ask(true)).toMatchObject({ code: 'bundle-unproven', message: expect.stringContaining(run.key) });
  expect(told).toEqual(proves ? [] : ['BundleUnproven']);
});
