import { type AppliedFact, fromJson, isDigest, type Json, type ObjectId, sha256, toJson } from '../model/index.ts';
import type { Disk } from '../ports/index.ts';
import { fileNameOf } from './names.ts';
import type { KeyedQueue } from './state.ts';

const FOLDER = 'facts';
const FORMAT = 'holdfast-facts/1';
const SUM_CHARS = 16;
/** A log is written anew when it has more lines than this and more than twice as many as there are facts. */
const COMPACT_LINES = 256;

/** A change of what is known: the fact of an object, or undefined when it was removed. */
export type FactChange = readonly [ObjectId, AppliedFact | undefined];

/**
 * What was true right after the last apply of each object of one Kustomization, as a log of lines. Losing lines is
 * harmless: objects without a fact, or with an old one, are applied again. Facts of another cluster do not count.
 */
export interface FactsLog {
  /** Everything known of this cluster; empty when the log speaks of another one. The caller keeps it. */
  load(clusterUid: string): ReadonlyMap<ObjectId, AppliedFact>;
  /** Adds changes, in order; not synced, since loss is harmless. */
  record(clusterUid: string, changes: Iterable<FactChange>): Promise<void>;
  clear(): Promise<void>;
}

interface Read {
  readonly uid: string;
  readonly facts: Map<ObjectId, AppliedFact>;
  readonly lines: number;
  /** The file ends with a line that was not finished. */
  readonly torn: boolean;
}

/** What is remembered of a log between calls: no facts, only counts. */
export interface LogState {
  uid: string;
  lines: number;
  live: number;
  torn: boolean;
}

/** The log `facts/<namespace>_<name>.log`. `states` is shared by all logs of one cache. */
export function factsLog(disk: Disk, queue: KeyedQueue, states: Map<string, LogState>, key: string): FactsLog {
  const file = `${FOLDER}/${fileNameOf(...key.split('/'))}.log`;
  const load = (): Read => {
    const read = readLog(disk, file, key);
    states.set(key, { uid: read.uid, lines: read.lines, live: read.facts.size, torn: read.torn });
    return read;
  };
  const rewrite = async (clusterUid: string, facts: ReadonlyMap<ObjectId, AppliedFact>): Promise<void> => {
    const lines = [...facts].map(([id, fact]) => encodeLine(changeJson([id, fact])));
    await disk.writeAtomic(file, Buffer.from(encodeLine([FORMAT, key, clusterUid]) + lines.join('')));
    states.set(key, { uid: clusterUid, lines: facts.size, live: facts.size, torn: false });
  };
  return {
    load: (clusterUid) => {
      const read = load();
      return read.uid === clusterUid ? read.facts : new Map();
    },
    record: (clusterUid, changes) =>
      queue(`${key} facts`, async () => {
        const list = [...changes];
        if (list.length === 0) return;
        if (!states.has(key)) load();
        const state = states.get(key);
        if (state === undefined || state.uid !== clusterUid) return rewrite(clusterUid, applied(new Map(), list));
        if (state.torn || (state.lines > COMPACT_LINES && state.lines > 2 * state.live)) {
          return rewrite(clusterUid, applied(load().facts, list));
        }
        const text = list.map((change) => encodeLine(changeJson(change))).join('');
        state.torn = true;
        await disk.append(file, Buffer.from(text), { sync: false });
        state.torn = false;
        state.lines += list.length;
      }),
    clear: () =>
      queue(`${key} facts`, async () => {
        states.delete(key);
        await disk.remove(file);
      }),
  };
}

function applied(facts: Map<ObjectId, AppliedFact>, changes: readonly FactChange[]): Map<ObjectId, AppliedFact> {
  for (const [id, fact] of changes) {
    if (fact === undefined) facts.delete(id);
    else facts.set(id, fact);
  }
  return facts;
}

function changeJson([id, fact]: FactChange): Json {
  if (fact === undefined) return [id];
  const { uid, digest, mark, ignored } = fact;
  return ignored === undefined ? [id, uid, digest, mark] : [id, uid, digest, mark, ignored];
}

/** `<first 16 hex of the SHA-256 of the JSON> <JSON>\n` */
function encodeLine(value: Json): string {
  const text = toJson(value);
  return `${sha256(text).slice(7, 7 + SUM_CHARS)} ${text}\n`;
}

function decodeLine(line: string): readonly Json[] | undefined {
  const text = line.slice(SUM_CHARS + 1);
  if (line[SUM_CHARS] !== ' ' || sha256(text).slice(7, 7 + SUM_CHARS) !== line.slice(0, SUM_CHARS)) return undefined;
  try {
    const value = fromJson(text);
    return Array.isArray(value) ? (value as readonly Json[]) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a log; lines that are torn or damaged are passed over, and one without its head is empty. */
function readLog(disk: Disk, file: string, key: string): Read {
  const empty: Read = { uid: '', facts: new Map(), lines: 0, torn: false };
  const bytes = readQuietly(disk, file);
  if (bytes === undefined || bytes.length === 0) return empty;
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n');
  const torn = lines.pop() !== '';
  const [format, of, uid] = decodeLine(lines[0] ?? '') ?? [];
  if (format !== FORMAT || of !== key || typeof uid !== 'string') return empty;
  const facts = new Map<ObjectId, AppliedFact>();
  let damaged = false;
  for (const line of lines.slice(1)) {
    const value = decodeLine(line);
    if (value === undefined) damaged ||= line !== '';
    else applyLine(facts, value);
  }
  // A lost line may have been the removal or the change of any object: only an unbroken log is believed.
  return damaged ? { ...empty, torn } : { uid, facts, lines: lines.length - 1, torn };
}

function applyLine(facts: Map<ObjectId, AppliedFact>, [id, uid, digest, mark, ignored]: readonly Json[]): void {
  if (typeof id !== 'string') return;
  if (typeof uid !== 'string' || !isDigest(digest) || typeof mark !== 'string') facts.delete(id);
  else facts.set(id, { uid, digest, mark, ...(typeof ignored === 'string' ? { ignored } : {}) });
}

function readQuietly(disk: Disk, file: string): Uint8Array | undefined {
  try {
    return disk.read(file);
  } catch {
    return undefined;
  }
}
