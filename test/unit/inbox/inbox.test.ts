import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { MEDIA, measureBundle } from '../../../src/source/bundle/index.ts';
import { tarGz, tarOf } from '../../support/tar-builder.ts';
import { bundleOf, memoryRegistry, packed } from '../source-bundle/artifacts.ts';
import { world } from './world.ts';

const A = 'GitRepository/x/a';
const B = 'GitRepository/x/b';
/** Bytes of a payload that are read at once. */
const CHUNK = 256 * 1024;

/** A bundle of ours for these sources; nobody looks into its Git. */
const bundle = (...sources: string[]): Buffer =>
  Buffer.concat([
    ...measureBundle(
      sources.map((source) => ({
        source,
        revision: 'r1',
        base: '',
        created: '',
        sequence: 1,
        selector: { cluster: '', labels: {} },
        mediaType: MEDIA.git,
        open: () => [Buffer.alloc(2_000_000, source)],
      })),
    ).write(),
  ]);

describe('the end', () => {
  it('does not wait for a file that is being proven, and says nothing of it', async () => {
    let go = (): void => undefined;
    const lengths: number[] = [];
    const read = (length: number): Promise<void> =>
      new Promise((resolve) => {
        lengths.push(length);
        go = resolve;
      });
    const w = await world({ read });
    w.stick?.set('a.tar', bundle(A));
    await w.looks();
    // On to the first part of the payload.
    for (let i = 0; i < 100 && (lengths.at(-1) ?? 0) < CHUNK; i++) {
      go();
      await w.clock.advance(0);
    }
    expect(lengths.at(-1)).toBe(CHUNK);
    const stopped = w.inbox.stop();
    const before = lengths.length;
    for (let i = 0; i < 20; i++) {
      go();
      await w.clock.advance(0);
    }
    await stopped;
    expect(lengths).toHaveLength(before);
    expect(w.lines).toEqual([]);
    expect(w.offered).toEqual([]);
  });

  it('comes also when a medium hangs for good', async () => {
    const w = await world({ read: () => new Promise(() => undefined) });
    w.stick?.set('a.tar', bundle(A));
    await w.looks();
    const stopped = w.inbox.stop();
    await w.clock.advance(5_000);
    await stopped;
  });
});

describe('a file that is not taken', () => {
  it.each([
    'cluster-unreachable',
    'cluster-auth',
    'wire-timeout',
    'wire-unreachable',
    'secret-missing',
    'cache-full',
    'object-invalid',
    'internal',
  ] as const)('for %s is tried again, and taken when that is over', async (code) => {
    const w = await world();
    w.sources.set(A, '');
    w.answer = () => Promise.reject(new Fault(code, 'not now'));
    w.stick?.set('a.tar', bundle(A));
    await w.looks();
    expect(w.shown('a.tar')).toBe(`held ${code}`);
    w.answer = async () => 'r1';
    await w.looks(6);
    expect(w.shown('a.tar')).toBe('taken');
  });

  it('for want of memory is not tried again before it is worth while, whatever happens at the site', async () => {
    const w = await world();
    w.sources.set(A, '').set(B, '');
    w.answer = () => Promise.reject(new Fault('source-bounds', 'killed', { retryAfterMs: 60_000 }));
    w.stick?.set('a.tar', bundle(A));
    await w.looks(30);
    w.sources.set(B, 'other');
    await w.looks(28);
    expect([w.shown('a.tar'), w.offered.length]).toEqual(['held source-bounds', 1]);
    await w.looks(5);
    expect(w.offered).toHaveLength(2);
  });

  it.each([
    [{}, false],
    [{ requireVerify: true }, true],
  ])('with the settings %j is offered to sources that must prove it: %s', async (settings, mustProve) => {
    const w = await world({ settings });
    w.sources.set(A, '').set(B, '');
    const asked: unknown[] = [];
    w.answer = async (source, part) => {
      asked.push(part.mustProve);
      if (source === A && part.mustProve === true) throw new Fault('bundle-unproven', 'no spec.verify');
      return 'r1';
    };
    w.stick?.set('a.tar', bundle(A, B));
    await w.looks(4);
    expect(asked).toEqual([mustProve, mustProve]);
    expect(w.shown('a.tar')).toBe(mustProve ? 'refused bundle-unproven' : 'taken');
    expect(w.status('a.tar')?.message).toContain(mustProve ? `taken of it: ${B}` : B);
  });

  it('of several parts stays as long as one may yet be taken; what came of the others is not asked again', async () => {
    const w = await world();
    w.sources.set(A, '').set(B, '');
    let away = true;
    w.answer = (source) => {
      if (source === A) return Promise.reject(new Fault('bundle-older', 'older'));
      return away ? Promise.reject(new Fault('cluster-unreachable', 'away')) : Promise.resolve('r1');
    };
    w.stick?.set('a.tar', bundle(A, B));
    await w.looks(20);
    expect(w.shown('a.tar')).toBe('held cluster-unreachable');
    expect(w.offered.filter((one) => one.startsWith(A))).toHaveLength(1);
    expect(w.offered.filter((one) => one.startsWith(B)).length).toBeGreaterThan(1);
    away = false;
    await w.looks(40);
    expect(w.shown('a.tar')).toBe('refused bundle-older');
    expect(w.sources.get(B)).toBe('r1');
  });

  it('that is damaged is looked at again when it comes back, also after a restart', async () => {
    const w = await world();
    w.sources.set(A, '');
    const good = bundle(A);
    const broken = Buffer.from(good);
    broken[1_500_000] = 0;
    w.stick?.set('a.tar', broken);
    await w.looks(12);
    expect(w.shown('a.tar')).toBe('refused bundle-damaged');
    await w.restart();
    await w.looks();
    expect(w.shown('a.tar')).toBe('held bundle-damaged');
    await w.looks(12);
    expect(w.shown('a.tar')).toBe('refused bundle-damaged');
    // Copied anew: its beginning and its end are those of the damaged one.
    w.stick?.set('a.tar', good);
    await w.looks();
    expect(w.shown('a.tar')).toBe('taken');
  });
});

it('a file that has waited for long is not refused for one read that fails', async () => {
  let fails = false;
  const read = async (): Promise<void> => {
    if (fails) throw new Fault('bundle-damaged', 'it cannot be read (EIO)');
  };
  const w = await world({ read });
  w.stick?.set('a.tar', bundle(A));
  await w.looks(60);
  expect(w.shown('a.tar')).toBe('held bundle-unclaimed');
  fails = true;
  w.sources.set(A, '');
  await w.looks();
  expect(w.shown('a.tar')).toBe('held bundle-damaged');
  fails = false;
  await w.looks(12);
  expect(w.shown('a.tar')).toBe('taken');
});

describe('a file that does not say for whom it is', () => {
  it('waits until all sources are known: the only one so far may not be meant', async () => {
    const w = await world();
    w.complete = false;
    w.sources.set(A, '');
    w.stick?.set('plain', Buffer.from('# v2 git bundle\n'));
    await w.looks();
    expect([w.shown('plain'), w.offered]).toEqual(['held bundle-unclaimed', []]);
    w.complete = true;
    await w.looks(6);
    expect([w.shown('plain'), w.sources.get(A)]).toEqual(['taken', 'r1']);
  });
});

describe('a file that was taken and stays', () => {
  it('is taken again when its source has lost everything, and not before', async () => {
    const w = await world();
    w.sources.set(A, '').set(B, '');
    w.stick?.set('a.tar', bundle(A, B));
    await w.looks();
    await w.restart();
    await w.looks(4);
    expect([w.shown('a.tar'), w.offered.length]).toEqual(['taken', 2]);
    w.sources.delete(A);
    await w.looks();
    expect(w.shown('a.tar')).toBe('held bundle-unclaimed');
    w.sources.set(A, '');
    await w.looks();
    expect([w.shown('a.tar'), w.sources.get(A)]).toEqual(['taken', 'r1']);
  });
});

describe('the log', () => {
  it('names the first of many files that fare alike, and counts the others', async () => {
    const w = await world();
    w.stick = new Map(Array.from({ length: 50 }, (_, i) => [`${i}.tar`, Buffer.from('nothing of ours')]));
    await w.looks();
    expect(w.lines.filter(({ event }) => event === 'file refused')).toHaveLength(10);
    expect(w.lines.at(-1)).toMatchObject({
      event: 'more files refused',
      fields: { code: 'bundle-unreadable', files: 40 },
    });
  });

  it('says once what is wrong with a file that comes and goes, and with a folder that stays so', async () => {
    const w = await world({ limits: { inboxFiles: 1 } });
    const stick = new Map(['a.tar', 'b.tar'].map((name) => [name, Buffer.from('nothing of ours')]));
    for (let i = 0; i < 20; i++) {
      w.stick = stick;
      await w.looks(3);
      w.stick = undefined;
      await w.looks(1);
    }
    expect(w.lines.filter(({ event }) => event === 'file refused')).toHaveLength(1);
    w.stick = stick;
    await w.looks(100);
    const events = w.lines.map(({ event }) => event);
    expect(events.filter((one) => one === 'inbox has more files than are looked at')).toHaveLength(21);
    await w.clock.advance(3_600_000);
    w.stick = undefined;
    await w.looks(1);
    w.stick = stick;
    await w.looks(2);
    expect(w.lines.at(-1)).toMatchObject({ event: 'file refused', fields: { again: 20 } });
  });
});

describe('an image layout', () => {
  const ONE = 'OCIRepository/x/one';
  const TWO = 'OCIRepository/x/two';
  const sha = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const entry = (text: string, name = ''): object => ({
    mediaType: MEDIA.manifest,
    digest: sha(text),
    size: text.length,
    annotations: name === '' ? {} : { 'org.opencontainers.image.ref.name': name },
  });
  /** Manifests by name, each with a layer of its own. */
  const layout = (...names: string[]): Buffer => {
    const all = names.map((name) => ({
      name,
      text: JSON.stringify({ config: entry('{}'), layers: [entry(`layer of ${name}`)] }),
    }));
    const blobs = new Set(['{}', ...all.flatMap(({ name, text }) => [text, `layer of ${name}`])]);
    const index = JSON.stringify({ manifests: all.map(({ name, text }) => entry(text, name)) });
    const files = [...[...blobs].map((text) => [`blobs/${sha(text).replace(':', '/')}`, text]), ['index.json', index]];
    return tarOf(files.map(([path = '', content = '']) => ({ path, content })));
  };
  const spoilt = (bytes: Buffer, text: string): Buffer => {
    const copy = Buffer.from(bytes);
    copy[copy.indexOf(text)] = 0x4c;
    return copy;
  };

  it('that is damaged anywhere in what its sources may choose brings none of them anything', async () => {
    const w = await world();
    w.sources.set(ONE, '').set(TWO, '');
    const whole = layout('r/a:v1', 'r/a:v2', 'r/image:v1');
    w.stick?.set('a.tar', spoilt(whole, 'layer of r/a:v2'));
    await w.looks();
    expect([w.shown('a.tar'), w.offered]).toEqual(['held bundle-damaged', []]);
    expect(w.status('a.tar')?.message).toContain(sha('layer of r/a:v2'));
    // An image that rides along is nobody's.
    w.stick?.set('a.tar', spoilt(whole, 'layer of r/image:v1'));
    await w.looks();
    expect([w.shown('a.tar'), w.offered.length]).toEqual(['taken', 2]);
  });

  it('that names tags alone waits until all sources are known', async () => {
    const w = await world();
    w.complete = false;
    w.sources.set(ONE, '');
    w.stick?.set('a.tar', layout('v1'));
    await w.looks();
    expect([w.shown('a.tar'), w.offered]).toEqual(['held bundle-unclaimed', []]);
    w.complete = true;
    await w.looks(6);
    expect(w.shown('a.tar')).toBe('taken');
  });

  it("that is nobody's is held until its source is declared", async () => {
    const w = await world();
    w.stick?.set('a.tar', layout('r/a:v1'));
    await w.looks();
    expect(w.shown('a.tar')).toBe('held bundle-unclaimed');
    w.sources.set(ONE, '');
    await w.looks();
    expect(w.shown('a.tar')).toBe('taken');
    w.stick?.set('b.tar', tarOf([{ path: 'index.json', content: '{"manifests":[]}' }]));
    await w.looks();
    expect(w.shown('b.tar')).toBe('refused bundle-unreadable');
  });

  it('without names is proven whole: it may be chosen from by digest', async () => {
    const w = await world();
    w.sources.set(ONE, '');
    w.stick?.set('a.tar', spoilt(layout(''), 'layer of '));
    await w.looks();
    expect([w.shown('a.tar'), w.offered]).toEqual(['held bundle-damaged', []]);
  });
});

describe('a bundle with an artifact', () => {
  const KEY = 'OCIRepository/apps/app';

  it('is offered to the source that it names and to no other, also where that has the same repository', async () => {
    const registry = memoryRegistry();
    registry.artifact('latest', [tarGz({ 'a.yaml': 'a: 1\n' })]);
    const bytes = await packed(registry);
    const w = await world();
    // All of them are of the one repository.
    for (const key of ['OCIRepository/apps/other', 'OCIRepository/apps/third']) w.sources.set(key, '');
    w.stick?.set('a.tar', bytes);
    await w.looks(2);
    expect(w.shown('a.tar')).toBe('held bundle-unclaimed');
    w.sources.set(KEY, '');
    await w.looks(2);
    expect(w.shown('a.tar')).toBe('taken');
    expect([...w.sources]).toEqual([
      ['OCIRepository/apps/other', ''],
      ['OCIRepository/apps/third', ''],
      [KEY, 'r1'],
    ]);
  });

  it('for another cluster is refused before a byte of it is read through, and nobody is asked', async () => {
    const selector = { cluster: 'there', labels: {} };
    const revision = `latest@${sha(Buffer.from('{}'))}`;
    const top = { digest: sha(Buffer.from('{}')), mediaType: 'x/manifest', artifactType: '', bytes: Buffer.from('{}') };
    const artifact = { revision, metadata: {}, manifests: [top], blobs: [], leftOut: [], signatures: [] };
    const notes = { source: KEY, revision, base: '', created: '', sequence: 1, selector };
    const w = await world();
    w.sources.set(KEY, '');
    w.stick?.set('a.tar', Buffer.concat([...measureBundle([{ ...notes, artifact }]).write()]));
    // For everybody, and no manifest.
    w.stick?.set('b.tar', bundleOf(artifact));
    await w.looks(2);
    expect(w.shown('a.tar')).toBe('refused bundle-elsewhere');
    expect(w.shown('b.tar')).toBe('refused bundle-unreadable');
    expect(w.offered).toEqual([]);
  });
});

const sha = (bytes: Buffer): `sha256:${string}` => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
