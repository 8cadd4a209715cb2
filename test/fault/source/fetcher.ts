import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createWire } from '../../../agent/adapters/wire/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import { DEFAULT_LIMITS } from '../../../src/model/index.ts';
import { fetchOci } from '../../../src/source/oci/index.ts';
import { realTime, silentLog } from '../../support/quiet.ts';

/** Fetches an OCI artifact in a process of its own: `fetcher.ts STATE_DIR URL`. Prints what came of it as one line. */
const [dir = '', url = ''] = process.argv.slice(2);
const cache = openCache({ disk: createDisk(dir), limits: DEFAULT_LIMITS });
const wire = createWire();
globalThis.gc?.();
const before = process.memoryUsage.rss();
let most = before;
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss());
}, 5);
const outcome = await fetchOci(
  { wire, store: cache.store, partials: cache.partials, clock: realTime, log: silentLog },
  {
    url,
    ref: { tag: 'latest' },
    layer: { operation: 'extract' },
    tenant: 'apps',
    owner: 'OCIRepository/apps/app',
    logins: [],
    insecure: false,
    timeoutMs: 120_000,
  },
  { limits: DEFAULT_LIMITS },
);
clearInterval(watch);
wire.close();
const { rss } = process.memoryUsage();
const mib = (bytes: number): number => Math.round(bytes / 1024 / 102.4) / 10;
process.stdout.write(
  `${JSON.stringify({ kind: outcome.kind, count: outcome.count, before: mib(before), most: mib(most), after: mib(rss) })}\n`,
);
