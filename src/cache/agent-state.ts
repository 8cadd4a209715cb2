import type { JsonObject } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import type { DamageBook } from './damage.ts';
import { numberOf, stringOf } from './parse.ts';
import { keyedQueue, stateFile } from './state.ts';

/** What the agent knows of itself from run to run. */
export interface AgentRecord {
  /** How often an agent has started on this folder. */
  readonly boots: number;
  /** The latest wall-clock time that counts as seen, milliseconds since 1970: a clock that shows less has jumped back. */
  readonly wallFloor: number;
  /** uid of the cluster last seen; '' before any. */
  readonly clusterUid: string;
}

export interface AgentState {
  /** Zeroes on a fresh or damaged folder. */
  get(): AgentRecord;
  /** Changes the given fields; `wallFloor` never goes back. */
  update(change: Partial<AgentRecord>): Promise<AgentRecord>;
  /** Somebody says that the clock is right, and what was seen before was not: the floor goes back to this. */
  acceptWall(wallFloor: number): Promise<AgentRecord>;
}

/** The record `agent`. */
export function agentState(disk: Disk, damage: DamageBook): AgentState {
  const queue = keyedQueue();
  const file = stateFile({ disk, damage, base: 'agent', parse });
  const get = (): AgentRecord => file.load().value ?? { boots: 0, wallFloor: 0, clusterUid: '' };
  const put = (next: (before: AgentRecord) => AgentRecord): Promise<AgentRecord> =>
    queue('', async () => {
      const after = next(get());
      await file.save({ ...after });
      return after;
    });
  return {
    get,
    update: (change) =>
      put((before) => ({ ...before, ...change, wallFloor: Math.max(before.wallFloor, change.wallFloor ?? 0) })),
    acceptWall: (wallFloor) => put((before) => ({ ...before, wallFloor })),
  };
}

function parse(data: JsonObject): AgentRecord | undefined {
  const [boots, wallFloor] = [numberOf(data, 'boots'), numberOf(data, 'wallFloor')];
  const clusterUid = stringOf(data, 'clusterUid');
  return boots === undefined || wallFloor === undefined || clusterUid === undefined
    ? undefined
    : { boots, wallFloor, clusterUid };
}
