import { spawn, spawnSync } from 'node:child_process';
import { ensureFlux } from './ensure.ts';

/** The command that `FLUX_CLI` names, else our own build; '' where neither is a 2.x. */
export async function findFlux(): Promise<string> {
  const name = process.env['FLUX_CLI'] ?? (await ensureFlux().catch(noFlux));
  const done = spawnSync(name, ['--version'], { encoding: 'utf8' });
  return done.status === 0 && /^flux version 2\./.test(done.stdout) ? name : '';
}

function noFlux(error: unknown): string {
  process.stderr.write(`flux-cli: ${error instanceof Error ? error.message : String(error)}: its tests do not run\n`);
  return 'flux';
}

export interface Said {
  readonly code: number | null;
  /** Both streams, without runs of blanks. */
  readonly text: string;
}

/** Runs the CLI as a person does, with a bound. */
export function runFlux(flux: string, kubeconfig: string, args: readonly string[]): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(flux, [...args, '--timeout', '30s'], { env: { ...process.env, KUBECONFIG: kubeconfig } });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        text += part.toString();
      });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, text: text.replace(/[ \t]+/g, ' ') }));
  });
}
