import { describe, expect, it } from 'vitest';
import { addressOf, againText, newsText, originOf, storedText, worded } from '../../../agent/loop/source-words.ts';
import { parseFluxObjects, type SourceObject } from '../../../src/flux/index.ts';
import { Fault, type JsonObject, type SourceRevision } from '../../../src/model/index.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as const;

function source(kind: string, spec: JsonObject, status: JsonObject = {}): SourceObject {
  const value = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind,
    metadata: { name: 'app', namespace: 'ns' },
    spec,
    status,
  };
  const { objects, errors } = parseFluxObjects([{ value, file: 'f', line: 1 }]);
  expect(errors).toEqual([]);
  return objects[0] as SourceObject;
}

const git = source('GitRepository', { url: 'ssh://me:pw@e.com/a.git', interval: '1m' });
const oci = source('OCIRepository', { url: 'oci://e.com/a', interval: '1m' });
const bucket = source('Bucket', { endpoint: 'e.com:9000', bucketName: 'b', interval: '1m' });
const external = source(
  'ExternalArtifact',
  {},
  { artifact: { url: 'http://e/a.tar.gz', digest: DIGEST, revision: 'v1' } },
);

const revision = (metadata: Record<string, string>): SourceRevision => ({
  revision: 'r',
  root: DIGEST,
  keep: [],
  metadata,
});

describe('the words of a source', () => {
  it('are those of Flux for its kind', () => {
    expect([git, oci, bucket, external].map((one) => storedText(one, revision({})))).toEqual([
      "stored artifact for revision 'r'",
      "stored artifact for digest 'r'",
      "stored artifact: revision 'r'",
      "stored artifact for revision 'r'",
    ]);
    const part = (paths: readonly string[]) => storedText(git, { revision: 'r', part: { paths, asked: '' } });
    expect(part(['a'])).toBe("stored artifact for revision 'r', only the path that is needed");
    expect(part(['a', 'b'])).toBe("stored artifact for revision 'r', only the 2 paths that are needed");
    expect(newsText(git, revision({ subject: 'Add shop' }))).toBe("stored artifact for commit 'Add shop'");
    expect(newsText(git, revision({ subject: 'é'.repeat(50) }))).toBe(`stored artifact for commit '${'é'.repeat(50)}'`);
    expect(newsText(git, revision({ subject: '😀'.repeat(51) }))).toBe(
      `stored artifact for commit '${'😀'.repeat(50)}...'`,
    );
    expect(againText(git, revision({ subject: 'Add shop' }))).toBe("stored artifact for commit 'r'");
    expect(againText(oci, revision({}))).toBe(newsText(oci, revision({})));
    expect(newsText(bucket, revision({ objects: '7' }))).toBe("stored artifact with 7 fetched files from 'b' bucket");
    expect(newsText(oci, revision({}))).toBe("stored artifact with revision 'r' from 'oci://e.com/a'");
  });

  it('name what an OCI artifact was made from, where it says so', () => {
    const made = { 'org.opencontainers.image.source': 'https://g', 'org.opencontainers.image.revision': 'main@sha1:1' };
    expect(newsText(oci, revision(made))).toMatch(/, origin source 'https:\/\/g', origin revision 'main@sha1:1'$/);
    expect([originOf(made), originOf({})]).toEqual(['main@sha1:1', '']);
  });

  it('show no credentials', () => {
    expect([git, oci, bucket, external].map(addressOf)).toEqual([
      'ssh://e.com/a.git',
      'oci://e.com/a',
      'e.com:9000/b',
      'http://e/a.tar.gz',
    ]);
    const artifact = { url: 'https://me:p@w@e/a.tar.gz?token=pw#pw', digest: DIGEST, revision: 'v1' };
    const shown = [
      source('GitRepository', { url: 'ssh://me:p@w@e.com:22/a@b.git', interval: '1m' }),
      source('OCIRepository', { url: 'oci://me:p@w@e.com/a', interval: '1m' }),
      source('Bucket', { endpoint: 'me:p@w@e.com:9000', bucketName: 'b', interval: '1m' }),
      source('ExternalArtifact', {}, { artifact }),
    ].map(addressOf);
    expect(shown).toEqual(['ssh://e.com:22/a@b.git', 'oci://e.com/a', 'e.com:9000/b', 'https://e/a.tar.gz']);
  });

  it('show no credentials in news and faults', () => {
    const leaky = source('OCIRepository', { url: 'oci://me:p@w@e.com/a', interval: '1m' });
    expect(newsText(leaky, revision({}))).toBe("stored artifact with revision 'r' from 'oci://***@e.com/a'");
    const said = "cannot get 'https://me:p/w@e.com/a' or ssh://git@e.com:22/b, nor oci://me:p@w@e.com/c@sha256:1; a@b";
    expect(worded(new Fault('object-invalid', said, { reason: 'URLInvalid' }), leaky)).toMatchObject({
      reason: 'URLInvalid',
      message: "cannot get 'https://***@e.com/a' or ssh://git@e.com:22/b, nor oci://***@e.com/c@sha256:1; a@b",
    });
  });
});

describe('the reason of a failed attempt', () => {
  it.each([
    [git, 'GitOperationFailed'],
    [oci, 'OCIArtifactPullFailed'],
    [bucket, 'BucketOperationFailed'],
    [external, 'ArtifactFailed'],
  ])('is that of its kind', (object, reason) => {
    const fault = worded(new Fault('wire-timeout', 'too slow', { retryAfterMs: 5 }), object);
    expect([fault.code, fault.reason, fault.message, fault.retryAfterMs]).toEqual([
      'wire-timeout',
      reason,
      'too slow',
      5,
    ]);
  });

  it('stays where the fault has one of its own', () => {
    expect(worded(new Fault('secret-missing', 'no'), oci).reason).toBe('AuthenticationFailed');
    const own = new Fault('source-corrupt', 'no', { reason: 'OCIArtifactLayerOperationFailed' });
    expect(worded(own, oci)).toBe(own);
  });
});
