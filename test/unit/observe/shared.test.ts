import { beforeEach, describe, expect, it } from 'vitest';
import { seenOf } from '../../../src/apply/index.ts';
import { Fault, type Gvk, type KubeObject, objectId, type VersionedRef } from '../../../src/model/index.ts';
import { type SharedSurvey, sharedSurvey } from '../../../src/observe/index.ts';
import type { Cluster } from '../../../src/ports/index.ts';

const config = (namespace: string, name: string): VersionedRef => ({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  namespace,
  name,
});
const asked = (...refs: VersionedRef[]) => refs.map((ref) => ({ id: objectId(ref), ref }));
const NEVER = new AbortController().signal;

let now = 0;
let there: VersionedRef[] = [];
let refuse: Fault | undefined;
/** Requests so far, in words. */
let requests: string[] = [];

const objectOf = ({ name, namespace }: VersionedRef): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, uid: `u-${name}`, annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } },
});

const cluster = {
  read: async (ref: VersionedRef) => {
    requests.push(`get ${ref.namespace}/${ref.name}`);
    const found = there.find((one) => objectId(one) === objectId(ref));
    return found === undefined ? undefined : objectOf(found);
  },
  list: async (_gvk: Gvk, o: { namespace?: string }, each: (object: KubeObject) => void) => {
    requests.push(`list ${o.namespace ?? 'all'}`);
    if (refuse !== undefined && (o.namespace === undefined || refuse.code === 'kind-unknown')) throw refuse;
    for (const one of there) if (o.namespace === undefined || o.namespace === one.namespace) each(objectOf(one));
  },
} as unknown as Cluster;

let shared: SharedSurvey;
beforeEach(() => {
  now = 0;
  there = [config('two', 'b')];
  refuse = undefined;
  requests = [];
  shared = sharedSurvey({ cluster, seenOf, now: () => now });
});

describe('surveys of many Kustomizations', () => {
  it('ask for what they need, alone; one after another, list each kind once where their objects are', async () => {
    await shared.survey(asked(config('one', 'a')), NEVER);
    expect(requests).toEqual(['get one/a']);
    const [second, third] = await Promise.all([
      shared.survey(asked(config('two', 'b'), config('two', 'c')), NEVER),
      shared.survey(asked(config('three', 'd')), NEVER),
    ]);
    expect(requests).toEqual(['get one/a', 'list two', 'list three']);
    await shared.survey(asked(config('two', 'e'), config('three', 'f')), NEVER);
    expect(requests).toHaveLength(3);
    expect(second.found.get(objectId(config('two', 'b')))).toMatchObject({
      uid: 'u-b',
      settings: { reconcile: false },
    });
    expect([...second.found.keys()]).toEqual([objectId(config('two', 'b'))]);
    expect([...second.unknown, ...third.found.keys(), ...third.unknown]).toEqual([]);
  });

  it('list the whole cluster once where their objects are in many places', async () => {
    const look = (place: string) => shared.survey(asked(config(place, 'b')), NEVER);
    await look('one');
    for (const place of ['one', 'three', 'four', 'five']) await look(place);
    expect(requests.slice(1)).toEqual(['list one', 'list three', 'list four', 'list five']);
    expect((await look('two')).found.has(objectId(config('two', 'b')))).toBe(true);
    for (const place of ['six', 'seven', 'one']) await look(place);
    expect(requests.slice(5)).toEqual(['list all']);
  });

  it('do not trust a list that is older than half a minute, nor one that a watch has replaced', async () => {
    const look = () => shared.survey(asked(config('two', 'b')), NEVER);
    await look();
    for (now = 2_000; now <= 34_000; now += 2_000) await look();
    expect(requests).toEqual(['get two/b', 'list two', 'list two']);
    shared.forget('/ConfigMap');
    await look();
    expect(requests).toEqual(['get two/b', 'list two', 'list two', 'list two']);
    now += 60_000;
    await look();
    expect(requests.at(-1)).toBe('get two/b');
  });

  it('list where the objects are when the whole may not be listed, and ask each for itself where that is too much', async () => {
    refuse = new Fault('cluster-denied', 'no');
    for (const place of ['one', 'one', 'three', 'four', 'five']) await shared.survey(asked(config(place, 'a')), NEVER);
    const denied = await shared.survey(asked(config('two', 'b')), NEVER);
    expect(denied.found.has(objectId(config('two', 'b')))).toBe(true);
    expect(requests.slice(5)).toEqual(['list all', 'list two']);

    refuse = undefined;
    shared.forget('/ConfigMap');
    there = Array.from({ length: 6_000 }, (_, i) => config('two', `x${i}`));
    const many = await shared.survey(asked(config('two', 'x5999'), config('two', 'none')), NEVER);
    expect(requests.slice(7)).toEqual(['list two', 'get two/x5999', 'get two/none']);
    expect([...many.found.keys()]).toEqual([objectId(config('two', 'x5999'))]);
  });

  it('know that nothing exists of a kind that is not served', async () => {
    refuse = new Fault('kind-unknown', 'no such kind');
    await shared.survey(asked(config('one', 'a')), NEVER);
    const survey = await shared.survey(asked(config('one', 'a')), NEVER);
    expect([...survey.found.keys(), ...survey.unknown]).toEqual([]);
    expect(requests).toEqual(['get one/a', 'list one']);
  });

  it('tell what could not be asked about', async () => {
    refuse = new Fault('cluster-unreachable', 'gone');
    await shared.survey(asked(config('one', 'a')), NEVER);
    const three = asked(config('', 'a'), config('', 'b'), config('', 'c'));
    const survey = await shared.survey(three, NEVER);
    expect([...survey.unknown]).toEqual(three.map((one) => one.id));
  });
});
