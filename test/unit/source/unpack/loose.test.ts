import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Digest, Fault, type FaultCode } from '../../../../src/model/index.ts';
import type { PartialContent } from '../../../../src/ports/index.ts';
import { unpack } from '../../../../src/source/unpack/index.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { tarGz } from '../../../support/tar-builder.ts';

/** A file that was received; `broken`: what reading it throws, after so many reads. */
function contentOf(bytes: Uint8Array, broken?: { readonly after: number; readonly fault: Fault }): PartialContent {
  let reads = 0;
  const cannot = (): never => {
    throw new Error('only read here');
  };
  return {
    size: () => bytes.length,
    read: (offset, length) => {
      if (broken !== undefined && reads++ >= broken.after) throw broken.fault;
      return bytes.subarray(offset, offset + length);
    },
    append: cannot,
    keep: cannot,
    drop: cannot,
  };
}

async function unpackLoosely(bytes: Uint8Array, broken?: Parameters<typeof contentOf>[1]): Promise<Digest | undefined> {
  const store = memoryStore();
  const writer = await store.writer();
  const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const options = { limits: DEFAULT_LIMITS, loose: true, what: 'layer' };
  return unpack({ content: contentOf(bytes, broken), digest }, writer, options);
}

describe('what may be no archive', () => {
  it.each([
    ['no gzip', Buffer.from('kind: ConfigMap\n')],
    ['a gzip that is damaged', Buffer.concat([gzipSync('x'.repeat(2_000)).subarray(0, 12), Buffer.alloc(50, 7)])],
    ['a short text in a gzip', gzipSync('kind: ConfigMap\n')],
    ['a long text in a gzip', gzipSync('kind: ConfigMap\n'.repeat(1_000))],
  ])('is none where it is %s', async (_, bytes) => {
    expect(await unpackLoosely(bytes)).toBeUndefined();
  });

  it('is one where it is', async () => {
    expect(await unpackLoosely(tarGz({ 'a.yaml': 'kind: A\n' }))).toMatch(/^sha256:/);
  });

  it.each(['cache-io', 'cache-full'] satisfies FaultCode[])('is not judged by a disk that fails (%s)', async (code) => {
    const fault = new Fault(code, 'the disk fails');
    for (const after of [0, 1, 2])
      await expect(unpackLoosely(tarGz({ 'a.bin': Buffer.alloc(100_000) }, 0), { after, fault })).rejects.toBe(fault);
  });
});
