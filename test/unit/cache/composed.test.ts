import { describe, expect, it } from 'vitest';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type Digest, type SourceRevision, sha256 } from '../../../src/model/index.ts';
import { faultDisk } from '../../support/fault-disk.ts';

const KEY = 'GitRepository/a/b';
const fetched = { at: 1, request: 'r', count: { requests: 0, up: 0, down: 0 } };
const open = (model: ReturnType<typeof faultDisk>) => openCache({ disk: model.disk, limits: DEFAULT_LIMITS });

/** A revision of own content, a submodule and an include, all in the store but what the include's own record keeps. */
async function stored(cache: ReturnType<typeof open>): Promise<{ revision: SourceRevision; kept: readonly Digest[] }> {
  const writer = await cache.store.writer();
  const file = (text: string) => writer.put(Buffer.from(text));
  const folder = (text: string) =>
    writer.putFolder([{ name: 'f', mode: 'file', digest: file(text), size: 1, alias: '', hidden: false }]);
  const [own, module, whole] = [folder('own'), folder('module'), folder('whole')];
  const [commit, pinned] = [file('commit'), file('commit of the submodule')];
  await writer.commit();
  const part = { fromPath: '', revision: 'sha1:x' };
  const revision: SourceRevision = {
    revision: 'main@sha1:1',
    root: whole,
    metadata: {},
    keep: [commit],
    composed: {
      own,
      rules: 'r',
      parts: [
        { ...part, kind: 'module', source: 'http://h/m', toPath: 'm', root: module, keep: [pinned] },
        { ...part, kind: 'include', source: 'lib', toPath: 'lib', root: sha256('elsewhere'), keep: [] },
      ],
    },
    verified: { key: 'k', mode: 'HEAD', message: 'verified' },
  };
  return {
    revision,
    kept: [own, module, whole, commit, pinned, ...['own', 'module', 'whole'].map((one) => sha256(one))],
  };
}

describe('a revision that was put together', () => {
  it('is read back as it was, after a restart too', async () => {
    const model = faultDisk();
    const cache = open(model);
    const { revision } = await stored(cache);
    await cache.sources.admit(KEY, revision, fetched);
    expect(open(model).sources.get(KEY)?.current).toEqual(revision);
    const { composed: _composed, verified: _verified, ...plain } = revision;
    await cache.sources.admit(KEY, plain, fetched);
    expect(open(model).sources.get(KEY)).toMatchObject({ current: plain, previous: [] });
  });

  it('keeps all that the next fetch leans on', async () => {
    const cache = open(faultDisk());
    const { revision, kept } = await stored(cache);
    await cache.sources.admit(KEY, revision, fetched);
    for (let i = 0; i < 4; i++) expect((await cache.gc()).held).toBe('');
    expect(kept.filter((digest) => !cache.store.has(digest))).toEqual([]);
  });

  it.each(['own', 'module', 'pinned'])('is not admitted without its %s', async (what) => {
    const cache = open(faultDisk());
    const { revision } = await stored(cache);
    const { composed } = revision;
    if (composed === undefined) throw new Error('not composed');
    const gone = sha256('gone');
    const [module, include] = composed.parts;
    const parts = composed.parts.map((one) =>
      one !== module
        ? one
        : { ...one, ...(what === 'module' ? { root: gone } : what === 'pinned' ? { keep: [gone] } : {}) },
    );
    expect(include?.kind).toBe('include');
    const broken = { ...revision, composed: { ...composed, parts, ...(what === 'own' ? { own: gone } : {}) } };
    await expect(cache.sources.admit(KEY, broken, fetched)).rejects.toMatchObject({ code: 'cache-damaged' });
  });
});
