// The one door of `npm run …` on a fresh machine: installs what is missing, then runs scripts/NAME.ts on the project's own Node.
// Plain JavaScript for any Node from 18 on, because it may be started by the machine's own.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [name, ...rest] = process.argv.slice(2);
const stamp = join(root, 'node_modules', '.package-lock.json');
const lock = join(root, 'package-lock.json');

const fail = (message) => {
  process.stderr.write(`holdfast: ${message}\n`);
  process.exit(1);
};

function install() {
  process.stderr.write('holdfast: installing packages (once, about 20 s) ...\n');
  const done = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (done.status !== 0) fail('npm ci failed: is a package registry reachable? Then run the same command again.');
}

function findNode() {
  const floor = Number(/(\d+)/.exec(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node)[1]);
  const major = (bin) =>
    Number(/^v(\d+)/.exec(spawnSync(bin, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0);
  const own = join(root, 'node_modules', '.bin', 'node');
  for (const bin of [own, process.execPath])
    if ((bin === process.execPath || existsSync(bin)) && major(bin) >= floor) return bin;
  return fail(
    `no Node ${floor} found: npm brings one for Linux on x64 and arm64; elsewhere install Node ${floor} and put it first in PATH.`,
  );
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < statSync(lock).mtimeMs - 1000) install();
const node = findNode();
const env = { ...process.env, PATH: `${dirname(node)}:${join(root, 'node_modules', '.bin')}:${process.env.PATH}` };
const done = spawnSync(node, ['--disable-warning=ExperimentalWarning', join(root, 'scripts', `${name}.ts`), ...rest], {
  cwd: root,
  stdio: 'inherit',
  env,
});
process.exit(done.status ?? 1);
