import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createWire } from '../../../agent/adapters/wire/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS, type SourceRevision } from '../../../src/model/index.ts';
import { fetchGit } from '../../../src/source/git/index.ts';
import { startGitServer } from '../../gitserver/index.ts';
import { silentLog } from '../../support/quiet.ts';
import { tempDir } from '../../support/temp.ts';

const config = (i: number): string => `kind: ConfigMap\nname: c${i}\nvalue: "${Math.sin(i)}"\n`.repeat(3);

describe('Git into the cache on a real disk', () => {
  it('keeps to differences over restarts, and mends what the disk broke', async () => {
    const server = await startGitServer();
    const wire = createWire();
    const { path, remove } = await tempDir('git-disk');
    const repo = await server.repo('site');
    await repo.commit(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 10}/c${i}.yaml`, config(i)])));
    const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve(), after: () => () => {} };
    const open = () => openCache({ disk: createDisk(path), limits: DEFAULT_LIMITS });
    const fetch = async (cache: ReturnType<typeof open>, have?: SourceRevision): Promise<SourceRevision> => {
      const request = { url: repo.url, ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: 20_000 };
      const ports = { wire, store: cache.store, clock, log: silentLog };
      const outcome = await fetchGit(ports, have === undefined ? request : { ...request, have }, {
        limits: DEFAULT_LIMITS,
      });
      if (outcome.kind === 'fetched') {
        await cache.sources.admit('GitRepository/default/site', outcome.content, {
          at: 0,
          request: '',
          count: outcome.count,
        });
        return outcome.content;
      }
      if (have === undefined) throw new Error('unchanged against nothing');
      return have;
    };
    const first = await fetch(open());
    await repo.commit({ 'd3/c3.yaml': 'changed: 1\n' });
    repo.resetRequests();
    const reopened = open();
    const second = await fetch(reopened, first);
    expect(repo.totals().bodyOut).toBeLessThan(1_500);
    expect(Buffer.from(reopened.store.tree(second.root).read('d3/c3.yaml') ?? []).toString()).toBe('changed: 1\n');

    const folder = join(path, 'packs');
    const [pack = ''] = readdirSync(folder).sort();
    const bytes = readFileSync(join(folder, pack));
    for (const at of [2_000, 4_000, 6_000]) bytes[at] = (bytes[at] ?? 0) ^ 4;
    writeFileSync(join(folder, pack), bytes);
    repo.resetRequests();
    const mended = open();
    expect((await fetch(mended)).root).toBe(second.root);
    expect(repo.requests().map(({ kind }) => kind)).toEqual(['ls-refs', 'fetch']);
    expect(repo.totals().bodyOut).toBeLessThan(4_000);
    const tree = open().store.tree(second.root);
    for (let i = 0; i < 300; i++)
      expect(Buffer.from(tree.read(`d${i % 10}/c${i}.yaml`) ?? []).toString()).toBe(
        i === 3 ? 'changed: 1\n' : config(i),
      );
    wire.close();
    await server.stop();
    await remove();
  });
});
