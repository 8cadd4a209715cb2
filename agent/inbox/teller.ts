import type { InboxStatus } from '../../src/model/index.ts';
import type { Clock, Log, LogFields } from '../../src/ports/index.ts';

/** Writes to the log what becomes of files, so that no stick can flood it. */
export interface Teller {
  /** Of files that fare alike in one look the first few are told one by one. */
  file(is: InboxStatus): void;
  /** What is wrong with a folder, '' for nothing: told once for as long as it stays so. */
  folder(root: string, problem: string, fields?: LogFields): void;
  /** A look is over: tells how many more files there were. */
  over(): void;
  /** Somebody asked: everything is told anew. */
  forget(): void;
}

/** Files of one state and code that are told one by one in a look. */
const EACH = 10;
/** What was told already is told again after so long; it is counted meanwhile. */
const AGAIN_MS = 3_600_000;
/** Tellings that are remembered. */
const KEPT = 1_000;

interface Told {
  readonly at: number;
  again: number;
}

export function createTeller(log: Log, clock: Pick<Clock, 'monotonic'>): Teller {
  const told = new Map<string, Told>();
  const folders = new Map<string, string>();
  let alike = new Map<string, number>();
  /** Undefined when it is told now; else it is counted. */
  const before = (key: string): Told | undefined => {
    const known = told.get(key);
    if (known !== undefined && clock.monotonic() - known.at < AGAIN_MS) return known;
    told.delete(key);
    told.set(key, { at: clock.monotonic(), again: 0 });
    for (const old of [...told.keys()].slice(0, Math.max(0, told.size - KEPT))) told.delete(old);
    return undefined;
  };
  return {
    file: ({ file, state, code, message }) => {
      const key = `${file} ${state} ${code} ${message}`;
      const { again = 0 } = told.get(key) ?? {};
      const known = before(key);
      if (known !== undefined) {
        known.again += 1;
        return;
      }
      const kind = `${state} ${code}`;
      const count = (alike.get(kind) ?? 0) + 1;
      alike.set(kind, count);
      if (count > EACH) return;
      const fields = { file, code: code === '' ? undefined : code, message, again: again === 0 ? undefined : again };
      if (state === 'taken') log.info('file taken', fields);
      else log.warn(`file ${state}`, fields);
    },
    folder: (root, problem, fields = {}) => {
      if (folders.get(root) === problem) return;
      folders.set(root, problem);
      if (problem !== '') log.warn(problem, { folder: root, ...fields });
    },
    over: () => {
      for (const [kind, count] of alike) {
        const [state, code = ''] = kind.split(' ');
        if (count > EACH)
          log.warn(`more files ${state}`, { code: code === '' ? undefined : code, files: count - EACH });
      }
      alike = new Map();
    },
    forget: () => told.clear(),
  };
}
