import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type WireCount } from '../../../src/model/index.ts';
import type { Log, SshChannel } from '../../../src/ports/index.ts';
import { objectId } from '../../../src/source/git/objects.ts';
import type { GitSession } from '../../../src/source/git/request.ts';
import { beginSession } from '../../../src/source/git/session.ts';
import { createReadShelf, createShelf } from '../../../src/source/git/shelf.ts';
import { openStaging, partName, unstaged } from '../../../src/source/git/staging.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { memoryStore } from '../../support/memory-store.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}

function begin(): { session: GitSession; clock: ReturnType<typeof manualClock> } {
  const clock = manualClock();
  const wire = { send: () => Promise.reject(new Error('no wire')) };
  const request = { url: 'ssh://git@host/x', ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: 60_000 };
  const session = beginSession({ wire, store: memoryStore(), clock, log: silent }, request, { limits: DEFAULT_LIMITS });
  return { session, clock };
}

/** A tree object with this many files. */
function tree(files: number, seed: number): { oid: string; bytes: Buffer } {
  const lines = Array.from({ length: files }, (_, i) =>
    Buffer.concat([Buffer.from(`100644 ${String(i).padStart(6, '0')}\0`), Buffer.alloc(20, seed)]),
  );
  const bytes = Buffer.concat(lines);
  return { oid: objectId('tree', bytes), bytes };
}

describe('what an attempt has moved', () => {
  it('counts a connection of ssh that is open, and each once', () => {
    const { session } = begin();
    let count: WireCount = { requests: 1, up: 10, down: 100 };
    session.spend({ requests: 2, up: 1, down: 1 });
    const channel: SshChannel = {
      output: nothing(),
      write: () => Promise.resolve(),
      complaint: () => '',
      count: () => count,
      close: () => undefined,
    };
    const parts = channel.output[Symbol.asyncIterator]();
    session.link.ssh = { channel, parts, greeting: Buffer.alloc(0), version: 2, used: true };
    expect(session.spent()).toEqual({ requests: 3, up: 11, down: 101 });
    count = { requests: 1, up: 20, down: 5_000 };
    expect(session.spent().down).toBe(5_001);
    session.link.ssh = undefined;
    session.spend(channel.count());
    expect(session.spent()).toEqual({ requests: 3, up: 21, down: 5_001 });
  });
});

describe('the trees of a transfer', () => {
  it('are bounded over all its answers, each counted once', async () => {
    const shelf = createShelf(unstaged(await memoryStore().writer()), { packHeldBytes: 10_000 });
    const [one, two] = [tree(200, 1), tree(200, 2)];
    for (let i = 0; i < 5; i++) shelf.add('tree', one.oid, one.bytes);
    expect(() => shelf.add('tree', two.oid, two.bytes)).toThrow('limits.packHeldBytes');
  });

  it('are made durable in time like files, though no file has come', async () => {
    const { session, clock } = begin();
    const staging = await openStaging(session);
    const shelf = createShelf(staging, DEFAULT_LIMITS);
    const { oid, bytes } = tree(4_000, 3);
    shelf.add('tree', oid, bytes);
    expect(staging.due()).toBe(false);
    await clock.advance(2_000);
    expect(staging.due()).toBe(true);
    await shelf.rest();
    expect(staging.due()).toBe(false);
    const { store } = session.ports;
    expect(store.parts?.get(partName(session))?.bytes).toBe(bytes.length);
    expect(createReadShelf(store).tree(oid)).toHaveLength(4_000);
    await clock.advance(2_000);
    expect(staging.due()).toBe(false);
    await staging.discard();
  });
});
