import { Fault } from '../../model/index.ts';
import type { WireResponse } from '../../ports/index.ts';
import type { OciSession } from './request.ts';

/** Where a list, such as one of tags, goes on; only at the registry itself, because we come with credentials. */
export function nextPage(
  { headers, url }: WireResponse,
  session: OciSession,
  of: 'tags' | 'signatures',
): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/i.exec((headers['link'] ?? '').slice(0, 4_096))?.[1];
  if (target === undefined) {
    if (!/\brel\s*=\s*"?\s*next\b/i.test(headers['link'] ?? '')) return undefined;
    throw new Fault('wire-protocol', `the list of ${of} goes on, and the registry does not say readably where`);
  }
  const base = new URL(`${session.registry.scheme ?? 'https'}://${session.place.host}/`);
  const next = URL.canParse(target, url)
    ? new URL(target, new URL(url).origin === base.origin ? url : base)
    : undefined;
  if (next === undefined || next.origin !== base.origin || !next.pathname.startsWith('/v2/'))
    throw new Fault('source-refused', `the list of ${of} goes on at another place, which is not followed`);
  return `${next.pathname}${next.search}`;
}
