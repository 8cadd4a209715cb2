import { statSync } from 'node:fs';
import { timestamp } from '../../src/flux/index.ts';
import { asFault, byCodeUnit, type ConfigurationStatus } from '../../src/model/index.ts';
import type { Cancel, Clock, Log } from '../../src/ports/index.ts';
import { loadConfig } from './load.ts';
import type { AgentConfig } from './types.ts';

export interface FollowOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the process has read at its start, and `markOf` the file before that. */
  readonly running: AgentConfig;
  readonly mark: string;
}

export interface ConfigWatch {
  /** Undefined while the file says what the process runs with. */
  readonly state: () => ConfigurationStatus | undefined;
  /** Looks now. */
  readonly refresh: () => Promise<void>;
  readonly close: () => void;
}

/** A mounted ConfigMap is changed by a link that nobody gives a sign of in every file system. */
const POLL_MS = 10_000;
/** A file may just be being written. */
const SETTLE_MS = 2_000;

const HELP = {
  changed: 'Restart the agent to take it: what it runs with was read at its start.',
  invalid: 'Mend it: the agent goes on with what it has read at its start, and its next start would end with this.',
} as const;

/** Says that a file is another one, also behind a link; '' where there is none. */
export function markOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}

/**
 * Follows the AgentConfiguration of a process that runs. Nothing of a change is taken, and no mistake in it ends anything:
 * both are told. Keeps no process alive.
 */
export function followConfig(file: string, options: FollowOptions): ConfigWatch {
  const { clock, log, env, running } = options;
  let { mark } = options;
  let state: ConfigurationStatus | undefined;
  let closed = false;
  const timers = new Map<'poll' | 'settle', Cancel>();

  const tell = (next: Pick<ConfigurationStatus, 'state' | 'message'> | undefined): void => {
    if (closed || (next?.state === state?.state && next?.message === state?.message)) return;
    if (next === undefined) log.info('the configuration is as it was at the start again');
    else if (next.state === 'changed')
      log.warn('the configuration has changed: restart to take it', { fields: next.message });
    else log.error('the changed configuration is not valid: the one of the start stays', { error: next.message });
    state = next && { ...next, help: HELP[next.state], since: timestamp(clock.now()) };
  };
  const read = async (): Promise<void> => {
    try {
      mark = markOf(file);
      const fields = changedFields(running, await loadConfig(file, env));
      tell(fields.length === 0 ? undefined : { state: 'changed', message: fields.join(', ') });
    } catch (error) {
      tell({ state: 'invalid', message: asFault(error).message });
    }
  };
  const later = (name: 'poll' | 'settle', ms: number, call: () => void): void => {
    timers.get(name)?.();
    if (!closed) timers.set(name, clock.after(ms, call));
  };
  const poll = (): void => {
    if (moved(file, mark)) later('settle', SETTLE_MS, () => void read());
    later('poll', POLL_MS, poll);
  };
  later('poll', POLL_MS, poll);
  return {
    state: () => state,
    refresh: read,
    close: () => {
      closed = true;
      for (const cancel of timers.values()) cancel();
    },
  };
}

/** What cannot be looked at has changed: reading it says how. */
function moved(file: string, mark: string): boolean {
  try {
    return markOf(file) !== mark;
  } catch {
    return true;
  }
}

/** Names of fields whose names in the file are others. */
const NAMES: Readonly<Record<string, string>> = { fullCheckMs: 'fullCheckInterval' };

/** The settings that differ, by their names in the file; limits each. */
export function changedFields(before: AgentConfig, after: AgentConfig): readonly string[] {
  const { limits: own, ...rest } = before;
  const { limits: other, ...others } = after;
  return [
    ...differing(rest, others).map((name) => NAMES[name] ?? name),
    ...differing(own, other).map((name) => `limits.${name}`),
  ].sort(byCodeUnit);
}

function differing<T extends object>(before: T, after: T): readonly string[] {
  const left = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after)
    .filter(([name, value]) => JSON.stringify(left.get(name)) !== JSON.stringify(value))
    .map(([name]) => name);
}
