import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import { readPack } from '../../../src/source/git/pack.ts';
import { pktLine, readPackets } from '../../../src/source/git/pkt.ts';
import { buildPack, inPieces } from '../../support/pack-builder.ts';

/** These bytes, and then the link is gone. */
async function* thenFails(bytes: Uint8Array, pieces: readonly number[], error: Error): AsyncGenerator<Uint8Array> {
  yield* inPieces(bytes, pieces);
  throw error;
}

describe('packets of the data band, in pieces', () => {
  const data = Buffer.from(Array.from({ length: 3_000 }, (_, i) => i % 251));
  const packet = Buffer.concat([Buffer.from(`${(data.length + 5).toString(16).padStart(4, '0')}\x01`), data]);
  const whole = Buffer.concat([Buffer.from(pktLine('packfile\n')), packet, packet, Buffer.from('0000')]);

  it.each([[[1]], [[4]], [[7, 1, 400]], [[100_000]]])('come as they arrive, each with its band: %j', async (pieces) => {
    const got: Buffer[] = [];
    const special: string[] = [];
    for await (const one of readPackets(inPieces(whole, pieces), { pieces: true }))
      if (typeof one === 'string') special.push(one);
      else got.push(Buffer.from(one));
    expect(got[0]?.toString()).toBe('packfile\n');
    expect(got.slice(1).every((one) => one[0] === 1 && one.length > 1)).toBe(true);
    expect(Buffer.concat(got.slice(1).map((one) => one.subarray(1)))).toEqual(Buffer.concat([data, data]));
    expect(special).toEqual(['flush']);
  });

  it('give what came of one that is cut, and say that it was', async () => {
    for (let end = 1; end < packet.length; end += 13) {
      let bytes = 0;
      const read = async (): Promise<void> => {
        for await (const one of readPackets(inPieces(packet.subarray(0, end), [50]), { pieces: true }))
          bytes += one.length - 1;
      };
      await expect(read()).rejects.toMatchObject({ code: 'wire-cut' });
      expect(bytes).toBe(Math.max(0, end - 5));
    }
  });
});

describe('a pack whose link fails', () => {
  it('gives every object that came whole, and then the reason', async () => {
    const items = Array.from({ length: 5 }, (_, i) => ({ type: 'blob', data: Buffer.alloc(40_000, i) }) as const);
    const sizes = items.map((_, i) => buildPack(items.slice(0, i + 1)).length - 20);
    const pack = buildPack(items);
    const reason = new Fault('wire-timeout', 'context deadline exceeded');
    for (const end of [...sizes, ...sizes.map((size) => size - 1), pack.length - 1])
      for (const pieces of [[1_000_000], [17, 3]]) {
        const taken: number[] = [];
        const shelf = {
          add: (_type: string, _oid: string, bytes: Buffer) => void taken.push(bytes[0] ?? -1),
          get: () => undefined,
          rest: () => undefined,
        };
        const failed = await readPack(thenFails(pack.subarray(0, end), pieces, reason), shelf, DEFAULT_LIMITS).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(failed).toBe(reason);
        expect(taken).toEqual(sizes.flatMap((size, i) => (size <= end ? [i] : [])));
      }
  });
});
