import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG, mergeConfig } from '../../../src/render/kustomize/load/config.ts';

describe('the field specs that kustomize builds in', () => {
  it('lie in their file as merging and sorting would leave them', () => {
    expect(mergeConfig({ images: [] }, DEFAULT_CONFIG)).toEqual(DEFAULT_CONFIG);
  });

  it('stay, when more are merged into them: what names a kind goes first', () => {
    const own = { namePrefix: [{ path: 'metadata/name' }, { path: 'spec/x', kind: 'Thing' }] };
    const merged = mergeConfig(DEFAULT_CONFIG, own);
    expect(merged.namePrefix).toEqual([own.namePrefix[1], ...(DEFAULT_CONFIG.namePrefix ?? [])]);
    expect(merged.nameReference).toEqual(DEFAULT_CONFIG.nameReference);
  });

  it('refuse the same path with another `create`', () => {
    const own = { commonAnnotations: [{ path: 'metadata/annotations', create: false }] };
    expect(() => mergeConfig(DEFAULT_CONFIG, own)).toThrow('conflicting fieldspecs');
  });
});
