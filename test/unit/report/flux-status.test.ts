import { describe, expect, it } from 'vitest';
import { parseFluxObjects, type SourceObject } from '../../../src/flux/index.ts';
import type { JsonObject } from '../../../src/model/index.ts';
import { sourceStatus } from '../../../src/report/index.ts';

function observed(kind: string, spec: JsonObject, verificationMode = ''): JsonObject {
  const value = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind, metadata: { name: 'app', namespace: 'ns' }, spec };
  const [object] = parseFluxObjects([{ value, file: 'f', line: 1 }]).objects;
  return sourceStatus({
    observedGeneration: 3,
    conditions: [],
    artifact: undefined,
    url: '',
    included: [],
    lastHandledReconcileAt: '',
    observed: object as SourceObject,
    verificationMode,
  });
}

const rest = { observedGeneration: 3, conditions: [] };

describe('status of a source', () => {
  it('repeats what of the spec decides about the content, and nothing that is not set', () => {
    const git = { url: 'https://e.com/a', interval: '1m' };
    expect(observed('GitRepository', git)).toEqual(rest);
    expect(observed('GitRepository', { ...git, ignore: '*.md', recurseSubmodules: true })).toEqual({
      ...rest,
      observedIgnore: '*.md',
      observedRecurseSubmodules: true,
    });
    expect(observed('GitRepository', { ...git, ignore: '' })).toEqual({ ...rest, observedIgnore: '' });
    const include = [{ repository: { name: 'b' } }, { repository: { name: 'c' }, fromPath: './x', toPath: 'y' }];
    expect(observed('GitRepository', { ...git, include, sparseCheckout: ['./d', 'e/'] })).toEqual({
      ...rest,
      observedInclude: include,
      observedSparseCheckout: ['./d', 'e/'],
    });
    // Of what is proven the mode, whatever is asked for since.
    const verify = { mode: 'Tag', secretRef: { name: 'keys' } };
    expect(observed('GitRepository', { ...git, verify })).toEqual(rest);
    for (const spec of [git, { ...git, verify }])
      expect(observed('GitRepository', spec, 'HEAD')).toEqual({ ...rest, sourceVerificationMode: 'HEAD' });
    const oci = { url: 'oci://e.com/a', interval: '1m' };
    expect(observed('OCIRepository', oci)).toEqual(rest);
    expect(observed('OCIRepository', { ...oci, layerSelector: { mediaType: 'a/b', operation: 'copy' } })).toEqual({
      ...rest,
      observedLayerSelector: { mediaType: 'a/b', operation: 'copy' },
    });
    for (const layerSelector of [{}, { operation: 'extract' }, { mediaType: 'a/b' }])
      expect(observed('OCIRepository', { ...oci, layerSelector })).toEqual({
        ...rest,
        observedLayerSelector: layerSelector,
      });
    const bucket = { endpoint: 'e', bucketName: 'b', interval: '1m' };
    expect(observed('Bucket', bucket)).toEqual(rest);
    expect(observed('Bucket', { ...bucket, ignore: '*.md' })).toEqual({ ...rest, observedIgnore: '*.md' });
  });

  it('of an OCIRepository shows the annotations of its manifest', () => {
    const artifact = { path: 'p', url: 'u', revision: 'r', digest: 'd', size: 1, lastUpdateTime: 't' };
    const facts = {
      observedGeneration: 1,
      conditions: [],
      url: '',
      included: [],
      lastHandledReconcileAt: '',
      observed: undefined,
      verificationMode: '',
    };
    expect(sourceStatus({ ...facts, artifact: { ...artifact, metadata: { a: 'b' } } })['artifact']).toEqual({
      ...artifact,
      metadata: { a: 'b' },
    });
    expect(sourceStatus({ ...facts, artifact: { ...artifact, metadata: {} } })['artifact']).toEqual(artifact);
  });

  it('holds the artifacts that were put in, whole', () => {
    const one = { path: 'p', url: 'u', revision: 'r', digest: 'd', size: 1, lastUpdateTime: 't' };
    const none = { url: '', lastHandledReconcileAt: '', observed: undefined, verificationMode: '' };
    const facts = { observedGeneration: 1, conditions: [], ...none };
    const included = [
      { ...one, metadata: {} },
      { ...one, path: 'q', metadata: {} },
    ];
    expect(sourceStatus({ ...facts, artifact: undefined, included })['includedArtifacts']).toEqual([
      one,
      { ...one, path: 'q' },
    ]);
  });
});
