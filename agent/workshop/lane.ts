import type { ChildProcess } from 'node:child_process';
import { Fault, type FaultCode } from '../../src/model/index.ts';
import { type Answer, faultOf, type Job, type Note, type Setup } from './protocol.ts';
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
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of what the job says before its answer. */
  readonly onNote?: (note: Note) => void;
}

/** Does jobs in short-lived processes of the same program. */
export interface Child {
  /**
   * Rejects with the Fault of the job, with one that names the limit when it took too long or too much memory, and with
   * the signal's reason when it aborts.
   */
  run(job: Job, limits: JobLimits): Promise<Exclude<Answer, { ok: false }>['value']>;
  close(): void;
}

interface Running {
  readonly process: ChildProcess;
  answer: ((answer: Answer | undefined) => void) | undefined;
  note: JobLimits['onNote'];
  /** How it ended: by its job's time, or as the system says; '' before. */
  end: string;
  idle: NodeJS.Timeout | undefined;
}

/** One process, started when it is needed, that does one job after another. */
export function createLane(options: ChildOptions): Child {
  let running: Running | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const end = (): void => {
    const child = running;
    running = undefined;
    clearTimeout(child?.idle);
    child?.process.kill('SIGKILL');
    child?.answer?.(undefined);
  };

  const begin = async (): Promise<Running> => {
    const child: Running =
      running ??
      (await start(options, (dead) => {
        if (running === dead) running = undefined;
      }));
    running = child;
    clearTimeout(child.idle);
    return child;
  };

  const work = async (job: Job, limits: JobLimits): Promise<Exclude<Answer, { ok: false }>['value']> => {
    limits.signal.throwIfAborted();
    const child = await begin();
    // While it began nobody listened to the signal.
    if (limits.signal.aborted) end();
    limits.signal.throwIfAborted();
    const timer = setTimeout(() => {
      child.end = LATE;
      end();
    }, limits.timeoutMs);
    limits.signal.addEventListener('abort', end, { once: true });
    const answer = await new Promise<Answer | undefined>((resolve) => {
      child.answer = resolve;
      child.note = limits.onNote;
      child.process.stdin?.write(`${JSON.stringify(job)}\n`);
    });
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', end);
    child.answer = undefined;
    child.note = undefined;
    if (running === child) {
      child.idle = setTimeout(end, options.idleMs);
      child.idle.unref();
    }
    limits.signal.throwIfAborted();
    if (answer === undefined) throw endedFault(job, child.end, { ...limits, memoryMib: options.memoryMib });
    if (!answer.ok) {
      const fault = faultOf(answer);
      // What was too much has filled the memory: the next job begins in a fresh process.
      if (HEAVY.has(fault.code)) end();
      throw fault;
    }
    return answer.value;
  };

  return {
    run: (job, limits) => {
      const result = queue.then(() => work(job, limits));
      queue = result.catch(() => undefined);
      return result;
    },
    close: end,
  };
}

/** Faults of content, which may have been large. */
const HEAVY: ReadonlySet<FaultCode> = new Set(['source-bounds', 'build-failed']);

/** The process was ended because its job took longer than it may. */
const LATE = 'late';

/** A file that took too much time or memory is not tried again before. */
const AGAIN_MS = 10 * 60_000;

/** What an end for want of memory means for each job. */
const TOO_LARGE: Readonly<Record<Job['kind'], FaultCode>> = {
  fetch: 'source-bounds',
  bundle: 'source-bounds',
  verify: 'source-bounds',
  render: 'build-failed',
  archive: 'cache-io',
};

/** Who ended early did so by its job: the content is to blame, unless the program itself gave up. */
function endedFault(job: Job, end: string, bounds: { readonly timeoutMs: number; readonly memoryMib: number }): Fault {
  if (end === LATE && job.kind === 'archive')
    return new Fault('cache-io', `the archive took longer than limits.artifactMs = ${bounds.timeoutMs}`);
  if (end === LATE && job.kind === 'bundle')
    return new Fault('wire-timeout', `the file took longer than limits.bundleMs = ${bounds.timeoutMs}`, {
      retryAfterMs: AGAIN_MS,
    });
  if (end === LATE)
    return job.kind !== 'render'
      ? new Fault('wire-timeout', `the ${job.kind} took longer than ${bounds.timeoutMs} ms (spec.timeout)`)
      : new Fault('build-failed', `the render took longer than limits.renderMs = ${bounds.timeoutMs}`);
  if (/SIG(ABRT|TRAP|ILL|KILL)|code 13[1-9]/.test(end))
    return new Fault(
      TOO_LARGE[job.kind],
      `the ${job.kind} needs more memory than limits.workerMemoryMib = ${bounds.memoryMib}, or than the machine has (${end})`,
      // Another file cannot be made of a stick: it is tried again when there may be more.
      { retryAfterMs: job.kind === 'bundle' ? AGAIN_MS : undefined },
    );
  return new Fault('internal', `the worker ended before its ${job.kind} was done (${end})`);
}

async function start(options: ChildOptions, onEnd: (child: Running) => void): Promise<Running> {
  const child = (await options.ahead?.take()) ?? (await spawnWorker(options.memoryMib));
  const running: Running = { process: child, answer: undefined, note: undefined, end: '', idle: undefined };
  const over = (end: string): void => {
    running.end ||= end;
    onEnd(running);
    running.answer?.(undefined);
  };
  child.on('error', (error) => over(error.message));
  child.on('exit', (code, signal) => over(signal ?? `code ${code}`));
  child.stdin?.on('error', () => undefined);
  if (child.stdout !== null)
    onLines(child.stdout, (line) => {
      const said = JSON.parse(line) as Answer | Note;
      if ('ok' in said) running.answer?.(said);
      else running.note?.(said);
    });
  child.stdin?.write(`${JSON.stringify(options.setup())}\n`);
  return running;
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
