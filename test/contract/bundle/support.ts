import { open } from 'node:fs/promises';
import {
  DEFAULT_LIMITS,
  Fault,
  type FetchOutcome,
  type LimitName,
  type SourceRevision,
} from '../../../src/model/index.ts';
import { type Readable, takeGit } from '../../../src/source/bundle/index.ts';
import type { SourceRequest } from '../../../src/source/index.ts';
import { type MemoryStore, memoryStore } from '../../support/memory-store.ts';
import { silentLog } from '../../support/quiet.ts';

/** A file of bytes in memory. */
export function fileOf(bytes: Uint8Array): Readable {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A file of the disk, read whole. */
export async function readFileAt(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: () => new Promise<void>(() => {}),
  after: () => () => {},
};

/** A site without a network that is brought Git bundles. */
export interface OfflineSite {
  readonly store: MemoryStore;
  have: SourceRevision | undefined;
  previous: SourceRevision[];
  /** The disk is damaged: what is here is known, and not built upon. */
  damaged: boolean;
  take(
    bundle: Uint8Array,
    change?: Partial<SourceRequest>,
    limits?: Partial<Record<LimitName, number>>,
  ): Promise<FetchOutcome>;
  /** `code: message` of the Fault with which it must end. */
  refuses(
    bundle: Uint8Array,
    change?: Partial<SourceRequest>,
    limits?: Partial<Record<LimitName, number>>,
  ): Promise<string>;
  text(path: string): string | undefined;
}

export function offlineSite(url: string, base: Partial<SourceRequest> = {}): OfflineSite {
  const store = memoryStore();
  const site: OfflineSite = {
    store,
    have: undefined,
    previous: [],
    damaged: false,
    async take(bundle, change = {}, limits = {}) {
      const request: SourceRequest = {
        url,
        ref: { branch: 'main' },
        sparseCheckout: [],
        recurseSubmodules: false,
        includes: [],
        timeoutMs: 20_000,
        ...base,
        ...(site.have === undefined || site.damaged ? {} : { have: site.have }),
        ...change,
      };
      const outcome = await takeGit(
        { store, clock, log: silentLog },
        request,
        { limits: { ...DEFAULT_LIMITS, ...limits } },
        { file: fileOf(bundle), span: { start: 0, size: bundle.length }, known: site.have, previous: site.previous },
      );
      if (outcome.kind === 'fetched') {
        if (site.have !== undefined) site.previous.unshift(site.have);
        site.have = outcome.content;
      }
      return outcome;
    },
    async refuses(bundle, change, limits) {
      const before = site.have;
      const error = await site.take(bundle, change, limits).then(
        (outcome) => new Error(`it was taken: ${outcome.kind}`),
        (e: unknown) => e,
      );
      if (!(error instanceof Fault)) throw error;
      if (site.have !== before) throw new Error('it changed something');
      return `${error.code}: ${error.message}`;
    },
    text(path) {
      const bytes = site.have === undefined ? undefined : store.tree(site.have.root).read(path);
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
    },
  };
  return site;
}
