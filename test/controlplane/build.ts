import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { GO_ENV, goVersion, type Run, run, type Say } from '../parts/index.ts';
import { startLeash } from '../support/leash.ts';
import { type Binary, KUBERNETES_VERSION } from './versions.ts';

const PACKAGES: Readonly<Record<Binary, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
};

/** Clients read the version that a binary reports, so it is linked in. */
function linkerFlags(): string {
  const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.');
  const set = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
  return ['-s -w', set('gitVersion', KUBERNETES_VERSION), set('gitMajor', major), set('gitMinor', minor)].join(' ');
}

/**
 * Builds binaries from the pinned modules into a folder. A binary appears there whole (built elsewhere, then renamed),
 * and the build ends with this process.
 */
export async function buildWithGo(
  wanted: readonly Binary[],
  target: string,
  options: { readonly say: Say; readonly env: NodeJS.ProcessEnv },
): Promise<void> {
  const version = goVersion(options.env);
  if (version === undefined) throw new Error('no Go found in PATH (1.26 is needed; from 1.21 on Go fetches it itself)');
  const draft = join(target, `.build-${process.pid}-${Date.now()}`);
  await mkdir(draft, { recursive: true });
  const leash = startLeash(draft);
  try {
    const env = { ...options.env, ...GO_ENV, GOTMPDIR: draft };
    const hold = (pid: number | undefined) => leash.hold(pid === undefined ? [] : [pid]);
    for (const module of ['etcd', 'kubernetes']) {
      const names = wanted.filter((name) => (name === 'etcd') === (module === 'etcd'));
      if (names.length === 0) continue;
      await goBuild(module, { wanted: names, draft, env, hold, say: options.say });
      for (const name of names) await rename(join(draft, name), join(target, name));
    }
  } finally {
    await leash.release();
  }
}

interface GoBuild extends Pick<Run, 'env' | 'hold'> {
  readonly wanted: readonly Binary[];
  readonly draft: string;
  readonly say: Say;
}

async function goBuild(module: string, build: GoBuild): Promise<void> {
  const cwd = join(import.meta.dirname, module);
  const packages = build.wanted.map((name) => PACKAGES[name]);
  const names = build.wanted.join(', ');
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  build.say(`building ${names} with Go: fetching modules ...`);
  const listed = await run('go', ['list', '-deps', ...packages], { ...build, cwd });
  const total = listed.split('\n').length - 1;
  let count = 0;
  const progress = () => build.say(`building ${names}: ${count} of ${total} packages, ${seconds()} s`);
  const ticker = setInterval(progress, 10_000);
  const output = module === 'etcd' ? join(build.draft, 'etcd') : `${build.draft}/`;
  const flags = ['-v', '-trimpath', `-ldflags=${module === 'etcd' ? '-s -w' : linkerFlags()}`, '-o', output];
  try {
    await run('go', ['build', ...flags, ...packages], { ...build, cwd, onLine: () => count++ });
  } finally {
    clearInterval(ticker);
  }
  build.say(`built ${names} in ${seconds()} s`);
}
