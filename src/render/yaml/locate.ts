import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import { isNotFinite } from './scalars.ts';

/** A key or an index. */
export type PathPart = string | number;

interface Frame {
  /** How many parts of the path lead to this collection; -1 when it is not on the path. */
  readonly depth: number;
  readonly isMap: boolean;
  index: number;
  key: string | undefined;
  onKey: boolean;
}

/** Offset in the source of the value (for map entries: of the key) at a path, or of its nearest ancestor. */
export function findPath(source: string, events: readonly Event[], path: readonly PathPart[]): number {
  const frames: Frame[] = [];
  let best = 0;
  let bestDepth = -1;
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      frames.push({ depth: 0, isMap: false, index: 0, key: undefined, onKey: false });
    } else if (event.type === EVENT_ID.POP) {
      frames.pop();
    } else {
      const parent = frames.at(-1);
      const isKey = parent?.onKey === true;
      const depth = parent === undefined ? -1 : enter(source, event, parent, frames.length, path);
      if (depth > bestDepth) {
        bestDepth = depth;
        best = offsetOf(event) ?? best;
      }
      if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
        const isMap = event.type === EVENT_ID.MAPPING;
        const onPath = isKey ? -1 : depth;
        frames.push({ depth: onPath, isMap, index: 0, key: undefined, onKey: isMap });
      }
      if (bestDepth === path.length) return best;
    }
  }
  return best;
}

/** Notes a child of a collection; gives the path parts it matches, or -1. */
function enter(source: string, event: Event, parent: Frame, level: number, path: readonly PathPart[]): number {
  if (level === 1) return path.length === 0 ? 0 : parent.index++ === 0 ? 0 : -1;
  if (parent.isMap && parent.onKey) {
    parent.onKey = false;
    parent.key = event.type === EVENT_ID.SCALAR ? getScalarValue(source, event) : undefined;
    return parent.depth >= 0 && parent.key === String(path[parent.depth]) ? parent.depth + 1 : -1;
  }
  const part: PathPart | undefined = parent.isMap ? parent.key : parent.index++;
  parent.onKey = parent.isMap;
  return parent.depth >= 0 && part !== undefined && String(part) === String(path[parent.depth]) ? parent.depth + 1 : -1;
}

/** Offset of the first plain scalar that JSON cannot hold. */
export function findUnwritable(source: string, events: readonly Event[]): number {
  for (const event of events) {
    if (event.type !== EVENT_ID.SCALAR || event.style !== SCALAR_STYLE.PLAIN) continue;
    if (isNotFinite(getScalarValue(source, event))) return event.valueStart;
  }
  return 0;
}

function offsetOf(event: Event): number | undefined {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart < 0 ? undefined : event.valueStart;
  if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) return event.start;
  return event.type === EVENT_ID.ALIAS ? event.anchorStart : undefined;
}
