import type { ChildProcess } from 'node:child_process';
import { type Fault, type FaultCode, NO_TRAFFIC, type WireCount } from '../../src/model/index.ts';
import { endedFault, LATE } from './ended.ts';
import type { Moved } from './fetch-job.ts';
import { type Answer, faultOf, type Job, type Note, type Order, type Said, type Setup } from './protocol.ts';
import { type Ahead, spawnWorker } from './spawn.ts';

export interface ChildOptions {
  readonly setup: () => Setup;
  /** Memory for its JavaScript objects, MiB. */
  readonly memoryMib: number;
  /** A child without work ends after so long, milliseconds, and its memory with it. */
  readonly idleMs: number;
  /** Taken before one is started. */
  readonly ahead?: Ahead | undefined;
}

export interface JobLimits {
  /** For the job as a whole, also where it is done again; the time in a queue does not count. */
  readonly timeoutMs: number;
  /** Milliseconds of it that are used up: each try adds its own. */
  readonly used?: { ms: number };
  readonly signal: AbortSignal;
  /** Told of what the job says before its answer. */
  readonly onNote?: (note: Note) => void;
}

export type Value = Exclude<Answer, { ok: false }>['value'];

/** Does jobs in short-lived processes of the same program. */
export interface Child {
  /**
   * Rejects with the Fault of the job, with one that names the limit when it took too long or too much memory, and with
   * the signal's reason when it aborts. A lane rejects with `SharedEnd` as well.
   */
  run(job: Job, limits: JobLimits): Promise<Value>;
  close(): void;
}

/** The process ended with several jobs in it, and none of them is known to be to blame. */
export class SharedEnd extends Error {
  /** What the job had moved by then, as far as it had told. */
  readonly spent: WireCount;

  constructor(how?: string, spent: WireCount = NO_TRAFFIC) {
    super(how);
    this.spent = spent;
  }
}

/** What became of a job: no answer when its process ended. */
interface Outcome {
  readonly answer: Answer | undefined;
  /** Other jobs were in that process. */
  readonly shared: boolean;
  /** What it last said that it has moved. */
  readonly moved: Moved | undefined;
}

interface Ended extends Outcome {
  readonly late: boolean;
}

interface Open {
  readonly done: (outcome: Outcome) => void;
  readonly note: JobLimits['onNote'];
  moved: Moved | undefined;
}

interface Running {
  readonly process: ChildProcess;
  readonly open: Map<number, Open>;
  /** How it ended: by its job's time, or as the system says; '' before. */
  end: string;
  /** Its memory was filled: it ends with the last of its jobs. */
  worn: boolean;
  idle: NodeJS.Timeout | undefined;
}

/** A job that shares its process has so long to heed that it is called off, milliseconds; then the process ends. */
const HEED_MS = 2_000;
/** A fetch that is late has so long to keep what came, and to tell what it has moved. */
const LATE_HEED_MS = 10_000;

/** One process, started when it is needed, that does the jobs it is given at once. */
export function createLane(options: ChildOptions): Child {
  let running: Promise<Running> | undefined;
  let current: Running | undefined;
  let ids = 0;

  const end = (child: Running): void => {
    if (current === child) running = undefined;
    over(child, 'ended');
    child.process.kill('SIGKILL');
  };
  const begin = async (): Promise<Running> => {
    running ??= start(options);
    const child = await running.catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    current = child;
    if (child.end === '') return child;
    running = undefined;
    return begin();
  };
  const rest = (child: Running): void => {
    if (child.open.size > 0 || child.end !== '') return;
    // Jobs that end together each come here: one timer that nobody holds would end a later job.
    clearTimeout(child.idle);
    if (child.worn) end(child);
    else child.idle = setTimeout(() => end(child), options.idleMs).unref();
  };

  const work = async (child: Running, job: Job, limits: JobLimits): Promise<Ended> => {
    const id = ++ids;
    const began = performance.now();
    let late = false;
    let patience: NodeJS.Timeout | undefined;
    const callOff = (): void => {
      const asks = late && job.kind === 'fetch';
      clearTimeout(patience);
      if (child.open.size > 1 || (asks && !limits.signal.aborted)) {
        send(child, { cancel: id });
        patience = setTimeout(() => end(child), asks ? LATE_HEED_MS : HEED_MS);
      } else end(child);
    };
    const timer = setTimeout(
      () => {
        late = true;
        callOff();
      },
      Math.max(1, limits.timeoutMs - (limits.used?.ms ?? 0)),
    );
    limits.signal.addEventListener('abort', callOff, { once: true });
    const outcome = await new Promise<Outcome>((done) => {
      child.open.set(id, { done, note: limits.onNote, moved: undefined });
      send(child, { id, job });
    });
    for (const one of [timer, patience]) clearTimeout(one);
    limits.signal.removeEventListener('abort', callOff);
    if (limits.used !== undefined) limits.used.ms += performance.now() - began;
    return { ...outcome, late };
  };

  return {
    run: async (job, limits) => {
      limits.signal.throwIfAborted();
      const child = await begin();
      clearTimeout(child.idle);
      // While it began nobody listened to the signal.
      if (limits.signal.aborted && child.open.size === 0) end(child);
      limits.signal.throwIfAborted();
      const ended = await work(child, job, limits);
      const { answer, shared, late } = ended;
      if (answer?.ok === false && HEAVY.has(answer.fault.code)) child.worn = true;
      rest(child);
      limits.signal.throwIfAborted();
      if (answer?.ok === true) return answer.value;
      const bounds = { ...limits, memoryMib: options.memoryMib };
      if (late) throw telling(endedFault(job, LATE, bounds), ended);
      if (answer !== undefined) throw faultOf(answer);
      if (shared) throw new SharedEnd(child.end, ended.moved?.spent);
      throw telling(endedFault(job, child.end, bounds), ended);
    },
    close: () => void running?.then(end, () => undefined),
  };
}

/** What the attempt has moved, as far as its process could tell: it is counted, and gone on from where the link was slow. */
function telling(fault: Fault, { answer, moved, late }: Ended): Fault {
  const told = answer?.ok === false ? answer.fault : undefined;
  fault.spent = told?.spent ?? moved?.spent;
  fault.progress = late && (told?.progress ?? moved?.kept ?? false);
  return fault;
}

/** Faults of content, which may have been large: the process ends when nothing is left to do in it. */
const HEAVY: ReadonlySet<FaultCode> = new Set(['source-bounds', 'build-failed']);

const send = (child: Running, order: Order): void => void child.process.stdin?.write(`${JSON.stringify(order)}\n`);

function over(child: Running, how: string): void {
  child.end ||= how;
  clearTimeout(child.idle);
  const open = [...child.open.values()];
  child.open.clear();
  for (const { done, moved } of open) done({ answer: undefined, shared: open.length > 1, moved });
}

async function start(options: ChildOptions): Promise<Running> {
  const child = (await options.ahead?.take()) ?? (await spawnWorker(options.memoryMib));
  const running: Running = { process: child, open: new Map(), end: '', worn: false, idle: undefined };
  child.on('error', (error) => over(running, error.message));
  child.on('exit', (code, signal) => over(running, signal ?? `code ${code}`));
  child.stdin?.on('error', () => undefined);
  if (child.stdout !== null) onLines(child.stdout, (line) => hear(running, line));
  child.stdin?.write(`${JSON.stringify(options.setup())}\n`);
  return running;
}

function hear(child: Running, line: string): void {
  const { open } = child;
  const said = parsed(line);
  if (said === undefined) {
    over(child, `it said what is no answer: ${JSON.stringify(line.slice(0, 100))}`);
    child.process.kill('SIGKILL');
    return;
  }
  const job = open.get(said.id);
  if ('note' in said) {
    if (job !== undefined && 'moved' in said.note) job.moved = said.note.moved;
    else job?.note?.(said.note);
    return;
  }
  open.delete(said.id);
  job?.done({ answer: said.answer, shared: open.size > 0, moved: job.moved });
}

/** Undefined for what a library has written there, say. */
function parsed(line: string): Said | undefined {
  try {
    return JSON.parse(line) as Said;
  } catch {
    return undefined;
  }
}

function onLines(stream: NodeJS.ReadableStream, each: (line: string) => void): void {
  let parts: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = text.split('\n');
    for (const line of lines.slice(0, -1)) {
      each(parts.join('') + line);
      parts = [];
    }
    parts.push(lines.at(-1) ?? '');
  });
}
