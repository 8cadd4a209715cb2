import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createDisk } from '../../agent/adapters/disk/index.ts';
import { createWire } from '../../agent/adapters/wire/index.ts';
import { openCache } from '../../src/cache/index.ts';
import { DEFAULT_LIMITS, type FetchOutcome, type SourceRevision } from '../../src/model/index.ts';
import { fetchBucket } from '../../src/source/bucket/index.ts';
import { type S3Server, startS3Server } from '../s3server/index.ts';
import { silentLog } from '../support/quiet.ts';
import { startRelay } from '../support/relay.ts';
import { tempDir } from '../support/temp.ts';
import { mib, printTable, type Row, spread } from './table.ts';

/*
 * Bytes that buckets cost on the wire, counted at the TCP socket in both directions, on a real S3 server, beside those of
 * source-controller 1.9.1 with the same objects (measured on 2026-11-23 in the same way); and memory for 200 MB.
 *   npm run bench -- wire-bucket
 */

const OBJECTS = 500;
const BYTES = 568_000;
const FLUX = { poll: 174_800, first: 2_319_800, change: 2_319_800 };
const LARGE = { objects: 100, bytes: 2_000_000 };

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: () => Promise.resolve(),
  after: () => () => {},
};
const number = (n: number): string => n.toLocaleString('en-US');

interface Server {
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
}

const wire = createWire();
await using dir = await tempDir('bench-bucket');
const cache = openCache({ disk: createDisk(dir.path), limits: DEFAULT_LIMITS });

function site(bucket: string, { port, accessKey, secretKey }: Server): () => Promise<FetchOutcome> {
  let have: SourceRevision | undefined;
  return async () => {
    const outcome = await fetchBucket(
      { wire, store: cache.store, clock, log: silentLog },
      {
        provider: 'generic',
        owner: 'Bucket/bench/store',
        bucket,
        endpoint: `127.0.0.1:${port}`,
        region: '',
        prefix: '',
        insecure: true,
        login: { kind: 's3', keys: { accessKey, secretKey } },
        timeoutMs: 600_000,
        ...(have === undefined ? {} : { have }),
      },
      { limits: DEFAULT_LIMITS },
    );
    if (outcome.kind === 'fetched') have = outcome.content;
    return outcome;
  };
}

/** Peak of this process while it fetches the large bucket, above what it had after a fetch of the small one; MiB. */
async function memory(server: Server): Promise<number> {
  await site('bench', server)();
  globalThis.gc?.();
  const idle = process.memoryUsage().rss / 2 ** 20;
  let peak = idle;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss / 2 ** 20);
  }, 5);
  await site('large', server)();
  clearInterval(timer);
  return peak - idle;
}

/** In a process of its own, as the agent does it for what is large. */
function memoryElsewhere(server: Server): number {
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc'];
  const args = [...flags, import.meta.filename, '--memory', JSON.stringify(server)];
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '8192', MALLOC_ARENA_MAX: '1' };
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', env }));
}

async function fill(s3: S3Server, bucket: string, objects: number, text: (i: number) => Buffer): Promise<void> {
  await s3.createBucket(bucket);
  for (let at = 0; at < objects; at += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, objects - at) }, (_, i) =>
        s3.put(bucket, `apps/team-${(at + i) % 20}/object-${at + i}.yaml`, text(at + i)),
      ),
    );
}

async function bytesOnTheWire(s3: S3Server): Promise<readonly Row[]> {
  const relay = await startRelay({ port: s3.port });
  const fetch = site('bench', { ...keysOf(s3), port: relay.port });
  const rows: Row[] = [];
  const row = async (what: string, flux: number, target: string): Promise<void> => {
    relay.resetCounts();
    const { count } = await fetch();
    const bytes = relay.in() + relay.out();
    const ours = `${number(bytes)} (${count.requests} request${count.requests === 1 ? '' : 's'})`;
    rows.push({ what, ours, floor: `${(bytes / flux).toFixed(3)}x of Flux`, flux: number(flux), target });
  };
  try {
    await row(`first fetch, ${OBJECTS} objects, ${number(BYTES)} bytes`, FLUX.first, '');
    await row('poll without change', FLUX.poll, '<= 0.5x of Flux; S3 has nothing cheaper than one listing');
    await s3.put('bench', 'apps/team-0/object-0.yaml', 'changed: true\n'.repeat(80));
    await row('one object changed', FLUX.change, '');
    return rows;
  } finally {
    await relay.stop();
  }
}

const keysOf = ({ port, accessKey, secretKey }: Server): Server => ({ port, accessKey, secretKey });

async function main(): Promise<void> {
  const s3 = await startS3Server();
  try {
    const each = BYTES / OBJECTS;
    await fill(s3, 'bench', OBJECTS, (i) =>
      Buffer.from(`# ${i}\n${randomBytes(each).toString('hex')}`).subarray(0, each),
    );
    printTable('Buckets: bytes on the wire, both ways, HTTP without TLS', await bytesOnTheWire(s3));
    await fill(s3, 'large', LARGE.objects, () => randomBytes(LARGE.bytes));
    const peaks = [1, 2, 3].map(() => memoryElsewhere(keysOf(s3)));
    const what = '200 MB in 100 objects: peak above idle, three runs';
    printTable('Buckets: memory', [{ what, ours: spread(peaks, mib), target: '<= 40 MiB' }]);
  } finally {
    await s3.stop();
  }
}

const [mode, server = '{}'] = process.argv.slice(2);
if (mode === '--memory') process.stdout.write(String(await memory(JSON.parse(server) as Server)));
else await main();
wire.close();
