import { describe, expect, it } from 'vitest';
import { faultAnswer, faultOf } from '../../../agent/workshop/protocol.ts';
import { openCache } from '../../../src/cache/index.ts';
import {
  DEFAULT_LIMITS,
  type Digest,
  incomplete,
  type SourceRevision,
  type StoredEntry,
} from '../../../src/model/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';

const KEY = 'GitRepository/a/b';
const fetched = { at: 1, request: 'r', count: { requests: 0, up: 0, down: 0 } };
const open = (model: ReturnType<typeof faultDisk>) => openCache({ disk: model.disk, limits: DEFAULT_LIMITS });
const entry = (name: string, digest: Digest | undefined, mode: StoredEntry['mode'] = 'file'): StoredEntry => ({
  name,
  mode,
  digest,
  size: 1,
  alias: digest === undefined ? 'ab'.repeat(20) : '',
  hidden: false,
});

async function stored(cache: ReturnType<typeof open>): Promise<SourceRevision> {
  const writer = await cache.store.writer();
  const sub = writer.putFolder([entry('x', writer.put(Buffer.from('x'))), entry('gone', undefined)]);
  const root = writer.putFolder([entry('sub', sub, 'dir'), entry('away', undefined, 'dir')]);
  await writer.commit();
  return { revision: 'main@sha1:1', root, metadata: {}, keep: [], part: { paths: ['sub/x'], asked: 'k' } };
}

describe('a revision of a part', () => {
  it('is read back as one after a restart, and is not taken for the whole', async () => {
    const model = faultDisk();
    const revision = await stored(open(model));
    await open(model).sources.admit(KEY, revision, fetched);
    const cache = open(model);
    expect(cache.sources.get(KEY)?.current).toEqual(revision);
    const view = cache.store.tree(revision.root);
    expect(Buffer.from(view.read('sub/x') ?? []).toString()).toBe('x');
    expect(() => view.read('sub/gone')).toThrow(expect.objectContaining({ code: 'source-incomplete' }));
  });

  it('keeps what is here of it, and holds no collection up for what is away', async () => {
    const cache = open(faultDisk());
    const revision = await stored(cache);
    await cache.sources.admit(KEY, revision, fetched);
    const writer = await cache.store.writer();
    const other = writer.put(Buffer.from('garbage'));
    await writer.commit();
    for (let i = 0; i < 4; i++) expect((await cache.gc()).held).toBe('');
    expect(cache.store.has(other)).toBe(false);
    expect(Buffer.from(cache.store.tree(revision.root).read('sub/x') ?? []).toString()).toBe('x');
  });

  it('is not admitted without what it says is here', async () => {
    const cache = open(faultDisk());
    const revision = await stored(cache);
    const writer = await cache.store.writer();
    const broken = writer.putFolder([entry('lost', `sha256:${'0'.repeat(64)}`), entry('away', undefined)]);
    await writer.commit();
    await expect(cache.sources.admit(KEY, { ...revision, root: broken }, fetched)).rejects.toMatchObject({
      code: 'cache-damaged',
    });
  });

  it('names what it lacks to other processes, too', () => {
    const answer = JSON.parse(JSON.stringify(faultAnswer(incomplete('a/b')))) as ReturnType<typeof faultAnswer>;
    if (answer.ok) throw new Error('no fault');
    expect(faultOf(answer)).toMatchObject({ code: 'source-incomplete', paths: ['a/b'] });
  });
});
