import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensure } from '../../controlplane/index.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SUITE = join(ROOT, '..', 'shared', 'conformance', 'flux');
const TOOLS = ['python3', 'git', 'openssl', 'ssh-keygen'];
const PATIENCE_MS = 30 * 60_000;

/** Why the suite cannot run here; '' when it can. */
function missing(): string {
  if (!existsSync(join(SUITE, 'run.py'))) return 'the conformance suite is not beside this checkout';
  const without = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  return without.length === 0 ? '' : `not installed: ${without.join(', ')}`;
}

/** The agent as the suite starts it: its own state folder, objects from the cluster. */
const AGENT = `cat > "$SCRATCH/config.yaml" <<Y
apiVersion: holdfast.dev/v1alpha1
kind: AgentConfiguration
cluster: { name: conformance }
stateDir: $SCRATCH/state
objects: { files: [], cluster: { enabled: true } }
listen: 127.0.0.1:0
Y
exec ${join(ROOT, 'dist', 'holdfast')} agent --config "$SCRATCH/config.yaml"
`;

interface Scored {
  readonly passed: number;
  /** A line for each scenario that failed, with the expectation that did not hold. */
  readonly failed: readonly string[];
}

const why = missing();

describe.skipIf(why !== '')(`the Flux conformance suite ${why}`, () => {
  let bin = '';
  let scratch = '';

  beforeAll(async () => {
    bin = dirname((await ensure(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'])).kubectl);
    scratch = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
    writeFileSync(join(scratch, 'agent.sh'), AGENT);
  }, PATIENCE_MS);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const run = (...args: readonly string[]): Promise<Scored> =>
    new Promise((resolve, reject) => {
      const child = spawn(
        'python3',
        [
          join(SUITE, 'run.py'),
          '--crds',
          join(ROOT, 'manifests', 'crds'),
          '--agent',
          `sh ${join(scratch, 'agent.sh')}`,
          ...args,
        ],
        { env: { ...process.env, CP_BIN: bin, ETCD_BIN: join(bin, 'etcd') }, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      child.once('error', reject);
      child.once('close', () => {
        const [, passed = '0'] = /^(\d+) passed, \d+ failed/m.exec(text) ?? [];
        const details = text.slice(text.indexOf('\n\n')).split(/\n\n/);
        resolve({ passed: Number(passed), failed: details.filter((part) => /^\S+\n {2}/.test(part)) });
      });
    });

  it(
    'passes whole: what real Flux does',
    async () => {
      const { passed, failed } = await run('--slow', '2');
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThanOrEqual(185);
    },
    PATIENCE_MS,
  );

  it(
    'passes whole: what Holdfast does better',
    async () => {
      const { passed, failed } = await run('--slow', '2', '--scenarios', join(SUITE, 'beyond'));
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThanOrEqual(8);
    },
    PATIENCE_MS,
  );
});
