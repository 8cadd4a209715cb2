import { readFileSync } from 'node:fs';
import { createDisk } from '../../agent/adapters/disk/index.ts';
import { createWire } from '../../agent/adapters/wire/index.ts';
import { openCache } from '../../src/cache/index.ts';
import { DEFAULT_LIMITS, type FetchOutcome } from '../../src/model/index.ts';
import { fetchGit } from '../../src/source/git/index.ts';
import { realTime, silentLog } from '../support/quiet.ts';

/*
 * One attempt to bring a repository into a state folder, in a process of its own, so that its memory is its own:
 *   node test/bench/wire-site.ts STATE URL TIMEOUT_MS
 * Prints a line of JSON: what became of it, and memory before and at its peak.
 */

const [state = '', url = '', timeout = '60000'] = process.argv.slice(2);
const KEY = 'GitRepository/bench/site';
const field = (name: string): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

const cache = openCache({ disk: createDisk(state), limits: DEFAULT_LIMITS });
const wire = createWire();
const have = cache.sources.get(KEY)?.current;
globalThis.gc?.();
const idle = field('VmRSS');
let fault = '';
let outcome: FetchOutcome | undefined;
try {
  outcome = await fetchGit(
    { wire, store: cache.store, clock: realTime, log: silentLog },
    { url, ref: { branch: 'main' }, sparseCheckout: [], timeoutMs: Number(timeout), ...(have && { have }) },
    { limits: DEFAULT_LIMITS },
  );
  if (outcome.kind === 'fetched')
    await cache.sources.admit(KEY, outcome.content, { at: Date.now(), request: '', count: outcome.count });
} catch (error) {
  fault = error instanceof Error ? error.message : String(error);
}
wire.close();
console.log(JSON.stringify({ fault, kind: outcome?.kind ?? '', count: outcome?.count, idle, peak: field('VmHWM') }));
