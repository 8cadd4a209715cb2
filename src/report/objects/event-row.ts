import { at, byCodeUnit, type Json, type KubeObject, textAt } from '../../model/index.ts';
import { type Cell, plain, spanText } from '../text.ts';
import { shortDigests } from './flux-row.ts';

export function eventHeader(namespace: boolean): readonly Cell[] {
  const names = [...(namespace ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  return names.map((text) => ({ text }));
}

/** An event as `events` shows it; `now` in milliseconds since 1970. */
export function eventRow(event: KubeObject, options: { readonly namespace: boolean; readonly now: number }): Cell[] {
  const type = textAt(event, 'type') ?? '';
  const about = at(event, 'involvedObject');
  const message = textAt(event, 'message') ?? '';
  return [
    ...(options.namespace ? [{ text: plain(textAt(event.metadata, 'namespace') ?? '') }] : []),
    { text: seenText(event, options.now) },
    { text: plain(type), ...(type === 'Warning' ? { style: 'warn' as const } : {}) },
    { text: plain(textAt(event, 'reason') ?? '') },
    { text: plain(`${textAt(about, 'kind') ?? ''}/${textAt(about, 'name') ?? ''}`) },
    { text: plain(shortDigests(message)) },
  ];
}

/** Oldest first; of equally old ones by name, so that the order is one. */
export function byLastSeen(a: KubeObject, b: KubeObject): number {
  return lastSeen(a) - lastSeen(b) || byCodeUnit(a.metadata.name, b.metadata.name);
}

/** Milliseconds since 1970; 0 where the event names no time. */
function lastSeen(event: KubeObject): number {
  return (
    timeAt(event, 'series', 'lastObservedTime') ||
    timeAt(event, 'lastTimestamp') ||
    timeAt(event, 'eventTime') ||
    timeAt(event, 'metadata', 'creationTimestamp')
  );
}

function timeAt(event: Json, ...path: readonly string[]): number {
  const ms = Date.parse(textAt(event, ...path) ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}

/** `3m20s`, or `5s (x4 over 3m20s)` of what has happened several times. */
function seenText(event: KubeObject, now: number): string {
  const age = (ms: number): string => (ms === 0 ? '<unknown>' : spanText((now - ms) / 1000).replace(' ', ''));
  const series = at(event, 'series', 'count') ?? at(event, 'count');
  const last = age(lastSeen(event));
  if (typeof series !== 'number' || series < 2) return last;
  return `${last} (x${series} over ${age(timeAt(event, 'eventTime') || timeAt(event, 'firstTimestamp'))})`;
}
