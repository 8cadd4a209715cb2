import type { PgpCheck, Verdict } from '../../src/trust/index.ts';
import { createSsh, type SshSettings, type Unlock } from '../adapters/ssh/index.ts';
import type { Child } from './child.ts';
import type { WorkPorts } from './jobs.ts';
import type { Unlocked } from './protocol.ts';

const VERIFY_MS = 30_000;
/** Seconds are usual, on a small machine and with many rounds. */
const UNLOCK_MS = 120_000;

/** What work in this process has a child do: what would keep it from all else, or leave its memory in it for good. */
export function helpOf(child: Child, settings: SshSettings): Pick<WorkPorts, 'pgp' | 'ssh'> {
  return { pgp: pgpIn(child), ssh: createSsh(settings, unlockIn(child)) };
}

/** PGP in a child: its library would stay in this process for good. */
function pgpIn(child: Child): PgpCheck {
  return async (job) => {
    const travels = { ...job, payload: Buffer.from(job.payload).toString('base64') };
    return (await child.run({ kind: 'verify', job: travels }, bounds(VERIFY_MS))) as Verdict;
  };
}

/** Keys are decrypted in a child: JavaScript is not compiled in this process, and it would stand still for half a minute. */
function unlockIn(child: Child): Unlock {
  return async ({ identity, passphrase }) => {
    const job = { kind: 'unlock', job: { identity, passphrase } } as const;
    return ((await child.run(job, bounds(UNLOCK_MS))) as Unlocked).identity;
  };
}

const bounds = (timeoutMs: number) => ({ timeoutMs, signal: new AbortController().signal });
