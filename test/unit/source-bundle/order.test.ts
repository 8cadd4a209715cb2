import { describe, expect, it } from 'vitest';
import type { SourceRevision } from '../../../src/model/index.ts';
import { checkSuccession } from '../../../src/source/bundle/index.ts';

const digest = (n: number): string => `sha256:${String(n).padStart(64, '0')}`;
const revision = (tag: string, n: number, created = ''): SourceRevision => ({
  revision: tag === '' ? digest(n) : `${tag}@${digest(n)}`,
  root: 'sha256:0',
  metadata: created === '' ? {} : { 'org.opencontainers.image.created': created },
  keep: [],
});
async function said(
  content: SourceRevision,
  have: SourceRevision | undefined,
  ref: { digest?: string; semver?: string } = {},
  previous: readonly SourceRevision[] = [],
): Promise<string> {
  return checkSuccession(content, { have, previous }, ref).then(
    () => 'ok',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
}

describe('content without a history of its own', () => {
  it('is taken where nothing is here, where it is the same, and where nothing is known', async () => {
    expect(await said(revision('v1', 1), undefined)).toBe('ok');
    expect(await said(revision('v1', 1), revision('v1', 1))).toBe('ok');
    expect(await said(revision('v1', 2), revision('v1', 1))).toBe('ok');
  });

  it('is refused when it was here before, or was made earlier', async () => {
    expect(await said(revision('v1', 1), revision('v1', 2), {}, [revision('v1', 1)])).toMatch(
      /^bundle-older: .*was here before/,
    );
    const [old, fresh] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
    expect(await said(revision('v1', 1, old), revision('v1', 2, fresh))).toMatch(
      /^bundle-older: .*it is of 2026-01-01.* of 2026-01-02/,
    );
    expect(await said(revision('v1', 1, fresh), revision('v1', 2, old))).toBe('ok');
    expect(await said(revision('v1', 1, 'nonsense'), revision('v1', 2, fresh))).toBe('ok');
  });

  it('of a bucket has the time at which it was listed', async () => {
    const listed = (n: number, time: string): SourceRevision => ({ ...revision('', n), metadata: { time } });
    const [early, late] = [listed(1, '2026-01-01T00:00:00Z'), listed(2, '2026-01-02T00:00:00Z')];
    expect(await said(early, late)).toMatch(/^bundle-older: /);
    expect(await said(late, early)).toBe('ok');
    expect(await said(revision('', 3), late)).toBe('ok');
  });

  it('of a range of versions is refused when its version is lower', async () => {
    const ref = { semver: '>=1' };
    expect(await said(revision('1.0.0', 1), revision('1.1.0', 2), ref)).toMatch(/^bundle-older: .*1.1.0 is here/);
    expect(await said(revision('1.10.0', 1), revision('1.9.0', 2), ref)).toBe('ok');
    // Another tag by hand is meant.
    expect(await said(revision('1.0.0', 1), revision('1.1.0', 2))).toBe('ok');
  });

  it('that is named by its digest is meant', async () => {
    expect(await said(revision('', 1), revision('', 2), { digest: digest(1) }, [revision('', 1)])).toBe('ok');
  });
});
