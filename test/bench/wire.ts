import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createDisk } from '../../agent/adapters/disk/index.ts';
import { createWire } from '../../agent/adapters/wire/index.ts';
import { openCache } from '../../src/cache/index.ts';
import { DEFAULT_LIMITS, type SourceRevision, type WireCount } from '../../src/model/index.ts';
import { fetchOci } from '../../src/source/oci/index.ts';
import {
  type ArtifactOptions,
  fluxArtifact,
  pusher,
  type Registry,
  requireOci,
  startRegistry,
} from '../ociregistry/index.ts';
import { realTime, silentLog } from '../support/quiet.ts';
import { type Relay, startRelay } from '../support/relay.ts';
import { tarOf } from '../support/tar-builder.ts';
import { tempDir } from '../support/temp.ts';

/*
 * Bytes on the wire of OCI sources, beside oras and the figures of Flux (5,000 files, HTTP without TLS):
 *   node --expose-gc test/bench/wire.ts
 */

const FILES = 5_000;
const CUT_BYTES = 200 * 1024;
const CUT_MIB = 50;
const NAME = 'bench/app';

/** Source-controller 1.9.1, measured 2026-11-23 (a layer of 880,112 bytes). */
const FLUX = { poll: 2_662, first: 886_500, change: 886_500 };

const total = ({ up, down }: WireCount): number => up + down;
const number = (n: number): string => Math.round(n).toLocaleString('en-US');

function line(what: string, ours: number, beside: string): void {
  process.stdout.write(`${what.padEnd(44)} ${number(ours).padStart(12)}  ${beside}\n`);
}

function fileText(i: number, version: number): string {
  const replicas = i === 0 ? version : (i * 7) % 5;
  const note = randomBytes(48).toString('base64');
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-${i}\n  annotations: { note: "${note}" }\ndata: { replicas: "${replicas}" }\n`.repeat(
    2,
  );
}

const texts = Array.from({ length: FILES }, (_, i) => fileText(i, 0));
const archive = (first: string): Buffer =>
  gzipSync(tarOf([first, ...texts.slice(1)].map((content, i) => ({ path: `d${i % 50}/f${i}.yaml`, content }))));

interface Site {
  fetch(url: string, timeoutMs?: number): Promise<WireCount>;
}

function openSite(dir: string): Site {
  const cache = openCache({ disk: createDisk(dir), limits: DEFAULT_LIMITS });
  let have: SourceRevision | undefined;
  return {
    fetch: async (url, timeoutMs = 120_000) => {
      const wire = createWire();
      try {
        const outcome = await fetchOci(
          { wire, store: cache.store, partials: cache.partials, clock: realTime, log: silentLog },
          {
            url,
            ref: { tag: 'latest' },
            layer: { operation: 'extract' },
            tenant: 'bench',
            owner: 'OCIRepository/bench/app',
            logins: [],
            insecure: true,
            timeoutMs,
            ...(have === undefined ? {} : { have }),
          },
          { limits: DEFAULT_LIMITS },
        );
        if (outcome.kind === 'fetched') have = outcome.content;
        return outcome.count;
      } finally {
        wire.close();
      }
    },
  };
}

interface Bench {
  readonly registry: Registry;
  readonly relay: Relay;
  readonly url: string;
}

async function openBench(): Promise<Bench> {
  const registry = await startRegistry();
  const relay = await startRelay({ port: registry.port });
  return { registry, relay, url: `oci://127.0.0.1:${relay.port}/${NAME}` };
}

/** As flux pushes it, with a name that oras wants. */
function titled(content: Uint8Array): ArtifactOptions {
  const artifact = fluxArtifact({ name: NAME, tag: 'latest', content });
  return { ...artifact, layers: artifact.layers.map((layer) => ({ ...layer, title: 'app.tgz' })) };
}

async function small({ registry, relay, url }: Bench, dir: string): Promise<void> {
  const push = pusher(registry);
  const layer = archive(texts[0] ?? '');
  await push.artifact(titled(layer));
  const site = openSite(`${dir}/site`);
  const first = await site.fetch(url);
  line(
    'first fetch',
    total(first),
    `layer ${number(layer.length)}; Flux ${number(FLUX.first)} of 880,112; ${await byOras(relay, dir)}`,
  );
  const poll = await site.fetch(url);
  line(
    'poll without change',
    total(poll),
    `${poll.requests} request; Flux ${number(FLUX.poll)}, target 0.5x: ${(total(poll) / FLUX.poll).toFixed(2)}x`,
  );
  await push.artifact(fluxArtifact({ name: NAME, tag: 'latest', content: layer, revision: 'main@sha1:2' }));
  line('change of annotations', total(await site.fetch(url)), `Flux fetches the layer, ${number(FLUX.change)}`);
  const changed = archive(fileText(0, 1));
  await push.artifact(titled(changed));
  line(
    'one file of the layer changed',
    total(await site.fetch(url)),
    `layer ${number(changed.length)}; ${await byOras(relay, dir)}`,
  );
}

/** What `oras pull` moves for the same. */
async function byOras(relay: Relay, dir: string): Promise<string> {
  const { oras } = await requireOci(['oras']);
  relay.resetCounts();
  const args = [
    'pull',
    '--plain-http',
    '--output',
    `${dir}/oras-${randomBytes(4).toString('hex')}`,
    `127.0.0.1:${relay.port}/${NAME}:latest`,
  ];
  const child = spawn(oras, args, { stdio: 'ignore', env: { ...process.env, HOME: dir } });
  const code = await new Promise((done) => child.once('close', done));
  return code === 0 ? `oras pull ${number(relay.in() + relay.out())}` : `oras pull ended with ${code}`;
}

async function cut({ registry, relay, url }: Bench, dir: string): Promise<void> {
  const parts = Array.from({ length: CUT_MIB }, (_, i) => ({ path: `f${i}.bin`, content: randomBytes(1 << 20) }));
  const content = gzipSync(tarOf(parts), { level: 0 });
  await pusher(registry).artifact(fluxArtifact({ name: NAME, tag: 'latest', content }));
  relay.resetCounts();
  relay.cutAfter(CUT_BYTES);
  const start = performance.now();
  const count = await openSite(`${dir}/cut`).fetch(url);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const moved = relay.in() + relay.out();
  await relay.restore();
  line(
    `${CUT_MIB} MB, cut every 200 KB`,
    moved,
    `${relay.connections()} connections, ${count.requests} requests, ${seconds} s; target 1.3x of the layer: ${(moved / content.length).toFixed(3)}x; Flux begins anew at each cut`,
  );
}

/** In a process of its own, as the agent does it. */
async function memory({ registry }: Bench, dir: string): Promise<void> {
  const parts = Array.from({ length: 200 }, (_, i) => ({ path: `f${i}.bin`, content: randomBytes(1_000_000) }));
  const content = gzipSync(tarOf(parts), { level: 0 });
  await pusher(registry).artifact(fluxArtifact({ name: NAME, tag: 'latest', content }));
  const fetcher = join(import.meta.dirname, '..', 'fault', 'source', 'fetcher.ts');
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=1'];
  const url = `oci://${registry.host}/${NAME}`;
  const out = execFileSync(process.execPath, [...flags, fetcher, `${dir}/memory`, url], { encoding: 'utf8' });
  const told = JSON.parse(out) as { readonly before: number; readonly most: number };
  const above = (told.most - told.before).toFixed(1);
  process.stdout.write(`memory of a layer of 200 MB: ${above} MiB above ${told.before} MiB; target 40\n`);
}

await using temp = await tempDir('bench-wire');
const bench = await openBench();
try {
  process.stdout.write('Bytes both ways at the TCP socket, HTTP without TLS.\n');
  await small(bench, temp.path);
  await cut(bench, temp.path);
  await memory(bench, temp.path);
} finally {
  await bench.relay.stop();
  await bench.registry.stop();
}
