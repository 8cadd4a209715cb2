import { join } from 'node:path';
import { tempDir } from '../test/support/temp.ts';
import { type Story, tell } from './demo/story.ts';
import { type Arch, makeBases } from './image/bases.ts';
import { buildImage, checkContents, checkContext, digests, layerSizes } from './image/build.ts';
import { checkConfig } from './image/config.ts';
import { ULIMITS } from './image/container.ts';
import { offline, online } from './image/running.ts';
import { openSite } from './image/site.ts';
import { check, type Engine, IMAGE, lacking, openEngine } from './image/tools.ts';

const HELP = `Usage: npm run image-test [-- --pull] [-- --arm64]

Builds the Dockerfile and runs the image as manifests/standalone/compose.yaml says, on a real control plane and Git server.

  --pull    base images from a registry; without it they are made here, of Debian's packages and npm's
  --arm64   builds the image for arm64, too, and starts it once, in emulation

It needs Linux on x64, root, and: buildah podman runc mmdebstrap (apt-get install --no-install-recommends); with --arm64
besides qemu-user-static and arch-test, and qemu registered in /proc/sys/fs/binfmt_misc. About five minutes, with --arm64 ten.
`;

const root = join(import.meta.dirname, '..');
const known = ['--pull', '--arm64'];
const args = process.argv.slice(2).filter((arg) => arg !== '--');
const [pull, arm64] = known.map((flag) => args.includes(flag)) as [boolean, boolean];

async function build(engine: Engine, tale: Story): Promise<void> {
  tale.title('Building');
  const arches: readonly Arch[] = arm64 ? ['amd64', 'arm64'] : ['amd64'];
  if (!pull)
    await tale.step('base images of Debian packages and npm', async () => {
      await makeBases(engine, root, arches);
      return arches.join(', ');
    });
  await tale.step('the build context', () => checkContext(engine, root));
  await tale.step('the Dockerfile', async () => {
    await buildImage(engine, { root, tag: IMAGE, pull });
    return layerSizes(engine, IMAGE);
  });
  await tale.step('what the image says of itself', () => checkConfig(engine, IMAGE));
  await tale.step('what is in it', () => checkContents(engine, IMAGE));
  await tale.step('a second build, every step anew', async () => {
    const again = 'localhost/holdfast:again';
    await buildImage(engine, { root, tag: again, pull, anew: true });
    const [one, two] = [await digests(engine, IMAGE), await digests(engine, again)];
    const other = Object.keys({ ...one, ...two }).filter((name) => one[name] !== two[name]);
    check(other.length === 0, `not the same bytes: ${other.join(', ')}`);
    const ids = await Promise.all([IMAGE, again].map((tag) => engine.podman('inspect', '--format', '{{.Id}}', tag)));
    return `the same ${Object.keys(one).length} files; the image ${ids[0] === ids[1] ? 'has the same id' : 'differs in its metadata'}`;
  });
}

async function foreign(engine: Engine, tale: Story): Promise<void> {
  tale.title('arm64');
  const tag = 'localhost/holdfast:arm64';
  await tale.step('the Dockerfile', async () => {
    await buildImage(engine, { root, tag, pull, platform: 'linux/arm64' });
    return engine.podman('inspect', '--format', '{{.Architecture}}', tag);
  });
  await tale.step('holdfast version, in emulation', () =>
    engine.podman('run', '--rm', '--network', 'host', ...ULIMITS, tag, 'version'),
  );
  await tale.step('the same program as for x64', async () => {
    const [one, two] = [await digests(engine, IMAGE), await digests(engine, tag)];
    // Some engines build the first stage in emulation, too; then what V8 made in holdfast-build.bin is of another processor.
    const other = Object.keys(one).filter((name) => one[name] !== two[name] && name !== 'holdfast-build.bin');
    check(other.length === 0, `not the same bytes: ${other.join(', ')}`);
    return one['holdfast-build.bin'] === two['holdfast-build.bin'] ? 'all files' : 'all files but holdfast-build.bin';
  });
}

/** The first signal fails what is being done and tidies up; control plane and Git server end with this process in any case. */
async function main(): Promise<void> {
  const tale = tell((text) => process.stdout.write(text), process.stdout.isTTY === true);
  const dir = await tempDir('image');
  const stop = new AbortController();
  const engine = openEngine(dir.path, { ownBases: !pull, signal: stop.signal });
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(name)));
  try {
    await everything(engine, tale);
  } finally {
    // Whatever is left of containers, their mounts and the store.
    await engine.podman('rm', '-f', '-a').catch(() => '');
    await engine.buildah('rm', '-a').catch(() => '');
    await dir.remove();
  }
}

async function everything(engine: Engine, tale: Story): Promise<void> {
  await build(engine, tale);
  const site = await openSite(root, engine.dir);
  try {
    const run = { engine, tale, root, site };
    const commit = await online(run);
    await offline(run, commit);
  } finally {
    await engine.podman('rm', '-f', '-a').catch(() => '');
    await site.stop();
  }
  if (arm64) await foreign(engine, tale);
}

if (args.some((arg) => !known.includes(arg))) {
  process.stdout.write(HELP);
  process.exit(args.includes('--help') ? 0 : 2);
}
const faults = lacking({ ownBases: !pull, arm64 });
if (faults.length > 0) {
  process.stderr.write(`holdfast: the image cannot be tested here: ${faults.join('; ')}.\n\n${HELP}`);
  process.exit(1);
}
try {
  await main();
} catch (error) {
  process.stderr.write(`\nholdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
