import { addTraffic, Fault, NO_TRAFFIC, type WireCount } from '../../src/model/index.ts';
import { type Child, type ChildOptions, createLane, type JobLimits, SharedEnd, type Value } from './lane.ts';
import type { Job, Note } from './protocol.ts';

export type { Child, ChildOptions } from './lane.ts';

/** A job that takes longer than this no longer keeps others waiting, milliseconds: a render is huge. */
const SLOW_MS = 8_000;
/** Processes side by side at most; each has its memory. */
const LANES = 3;
/** Of these, so many for fetches: what waits for servers never keeps a render waiting. */
const FETCH_LANES = LANES - 1;
/** Fetches that wait for their servers in one process at most. */
const SHARED = 8;

interface Task {
  readonly job: Job;
  /** It may wait for its server beside others in one process. */
  readonly shares: boolean;
  readonly begin: (lane: Lane) => void;
  /** It waits for its server. */
  waits: boolean;
  /** Others need not wait for it. */
  aside: boolean;
}

interface Lane {
  readonly child: Child;
  readonly tasks: Set<Task>;
}

/**
 * Does one job after another in one child process, so that only one job's memory is in use. Fetches that wait for their
 * servers let others go on, further fetches in the same process; beside another job that takes long, the next go on in
 * another one.
 */
export function createChild(options: ChildOptions, make: (options: ChildOptions) => Child = createLane): Child {
  const lanes: Lane[] = [];
  const queue: Task[] = [];
  let closed = false;
  const go = (): void => {
    for (const task of [...queue]) {
      const lane = placeFor(task, lanes, () => make(options));
      if (lane === undefined) continue;
      queue.splice(queue.indexOf(task), 1);
      lane.tasks.add(task);
      task.begin(lane);
    }
  };
  const once = async (job: Job, limits: JobLimits, shares: boolean): Promise<Value> => {
    const [task, lane] = await new Promise<readonly [Task, Lane]>((resolve) => {
      const mine: Task = { job, shares, begin: (lane) => resolve([mine, lane]), waits: false, aside: false };
      queue.push(mine);
      go();
    });
    try {
      return await doTask(task, lane, limits, go);
    } finally {
      lane.tasks.delete(task);
      go();
      // One that waits for work is enough: the memory of others goes at once.
      if (isIdle(lane) && lanes.some((one) => one !== lane && isIdle(one))) lane.child.close();
    }
  };
  return {
    run: (job, limits) =>
      once(job, limits, job.kind === 'fetch').catch((error: unknown) => {
        if (!(error instanceof SharedEnd) || closed) throw error;
        // Alone, who was to blame shows it again.
        return countedWith(error.spent, once(job, limits, false));
      }),
    close: () => {
      closed = true;
      for (const lane of lanes) lane.child.close();
    },
  };
}

/** What became of a job that is done again, with what the try before has moved. */
async function countedWith(spent: WireCount, again: Promise<Value>): Promise<Value> {
  try {
    const value = await again;
    return value !== null && 'count' in value ? { ...value, count: addTraffic(value.count, spent) } : value;
  } catch (error) {
    if (error instanceof Fault) error.spent = addTraffic(error.spent ?? NO_TRAFFIC, spent);
    throw error;
  }
}

/** Where a job can begin now, in a lane that is made when there may be one more; undefined while it must wait. */
function placeFor(task: Task, lanes: Lane[], make: () => Child): Lane | undefined {
  if (lanes.some(({ tasks }) => [...tasks].some(({ aside }) => !aside))) return undefined;
  const shared = task.shares ? lanes.find(hasRoom) : undefined;
  if (shared !== undefined) return shared;
  if (task.job.kind === 'fetch' && lanes.filter(hasFetches).length >= FETCH_LANES) return undefined;
  const idle = lanes.find(isIdle);
  if (idle !== undefined || lanes.length >= LANES) return idle;
  const lane: Lane = { child: make(), tasks: new Set() };
  lanes.push(lane);
  return lane;
}

/** Does a job; `go` is called when others need not wait for it any more. */
async function doTask(task: Task, lane: Lane, limits: JobLimits, go: () => void): Promise<Value> {
  const letOthersGo = (): void => {
    task.aside = true;
    go();
  };
  const timer = setTimeout(letOthersGo, SLOW_MS);
  const onNote = (note: Note): void => {
    if (!('waiting' in note)) {
      limits.onNote?.(note);
      return;
    }
    // Who waits for a server needs neither processor nor much memory.
    task.waits = true;
    letOthersGo();
  };
  try {
    return await lane.child.run(task.job, { ...limits, onNote });
  } finally {
    clearTimeout(timer);
  }
}

const isIdle = ({ tasks }: Lane): boolean => tasks.size === 0;

const hasFetches = ({ tasks }: Lane): boolean => [...tasks].some(({ job }) => job.kind === 'fetch');

const hasRoom = ({ tasks }: Lane): boolean =>
  tasks.size > 0 && tasks.size < SHARED && [...tasks].every(({ shares, waits }) => shares && waits);
