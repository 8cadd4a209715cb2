import type { SourceRevision } from '../../../src/model/index.ts';
import { gitContent, MEDIA, measureBundle, type Selector, writeGitBundle } from '../../../src/source/bundle/index.ts';
import type { Repo } from '../../gitserver/index.ts';
import { startBench } from '../git/support.ts';

/** A bundle of ours with what a repository's main has, for these sources. */
export async function sealed(
  repo: Repo,
  sources: readonly string[],
  selector: Selector = { cluster: '', labels: {} },
): Promise<Buffer> {
  const bench = await startBench();
  try {
    const site = bench.site(repo.url);
    await site.fetch();
    const revision = site.have as SourceRevision;
    const content = gitContent(site.store, revision, undefined);
    const measured = measureBundle(
      sources.map((source) => ({
        source,
        selector,
        revision: revision.revision,
        base: '',
        created: '2026-01-01T00:00:00Z',
        sequence: 1,
        mediaType: MEDIA.git,
        open: () => writeGitBundle(site.store, content),
      })),
    );
    return Buffer.concat([...measured.write()]);
  } finally {
    await bench.stop();
  }
}
