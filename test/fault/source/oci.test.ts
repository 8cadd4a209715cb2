import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fluxArtifact, type Pusher, pusher, type Registry, startRegistry } from '../../ociregistry/index.ts';
import { startRelay } from '../../support/relay.ts';
import { tarOf } from '../../support/tar-builder.ts';
import { tempDir } from '../../support/temp.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const FETCHER = join(import.meta.dirname, 'fetcher.ts');

interface Told {
  readonly kind: string;
  readonly count: { readonly down: number };
  readonly before: number;
  readonly most: number;
}

/** The fetch in a process of its own, which may be killed. */
function fetcher(dir: string, url: string): { readonly kill: () => void; readonly ended: Promise<Told | undefined> } {
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc', '--max-semi-space-size=1'];
  const child = spawn(process.execPath, [...flags, FETCHER, dir, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  const ended = new Promise<Told | undefined>((resolve) => {
    child.once('close', (code) => resolve(code === 0 ? (JSON.parse(out) as Told) : undefined));
  });
  return { kill: () => void child.kill('SIGKILL'), ended };
}

let registry: Registry;
let push: Pusher;
beforeAll(async () => {
  registry = await startRegistry();
  push = pusher(registry);
}, 600_000);
afterAll(() => registry.stop());

async function pushed(name: string, files: number, size: number): Promise<number> {
  const parts = Array.from({ length: files }, (_, i) => ({ path: `f${i}.bin`, content: randomBytes(size) }));
  const content = gzipSync(tarOf(parts), { level: 0 });
  await push.artifact(fluxArtifact({ name, tag: 'latest', content }));
  return content.length;
}

describe('a fetch of an OCI artifact', () => {
  it('goes on after kill -9, again and again, without asking for what it has', async () => {
    const size = await pushed('killed/app', 12, MIB);
    await using state = await tempDir('killed');
    const relay = await startRelay({ port: registry.port });
    try {
      relay.latency(8);
      const url = `oci://127.0.0.1:${relay.port}/killed/app`;
      const parts = async (): Promise<number> => {
        const folder = join(state.path, 'partials');
        const names = await readdir(folder).catch(() => [] as string[]);
        const sizes = names
          .filter((name) => name.endsWith('.part'))
          .map(async (name) => (await stat(join(folder, name))).size);
        return (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
      };
      for (const share of [0.2, 0.4, 0.6]) {
        const run = fetcher(state.path, url);
        await until(async () => (await parts()) > share * size, { within: 60_000, every: 5 });
        run.kill();
        expect(await run.ended).toBeUndefined();
        expect(await readdir(join(state.path, 'packs')).catch(() => [])).not.toContainEqual(
          expect.stringMatching(/pack$/),
        );
      }
      const kept = await parts();
      const last = await fetcher(state.path, url).ended;
      expect(last?.kind).toBe('fetched');
      expect(last?.count.down).toBeLessThan(size - kept + 20_000);
      expect(await readdir(join(state.path, 'partials'))).toEqual([]);
    } finally {
      await relay.stop();
    }
  });

  it('of 200 MB takes less than 40 MiB above rest', async () => {
    await pushed('large/app', 200, 1_000_000);
    await using state = await tempDir('large');
    const told = await fetcher(state.path, `oci://${registry.host}/large/app`).ended;
    expect(told?.kind).toBe('fetched');
    process.stderr.write(`  memory: ${told?.before} MiB at rest, ${told?.most} MiB at most\n`);
    expect((told?.most ?? 0) - (told?.before ?? 0)).toBeLessThan(40);
  });
});
