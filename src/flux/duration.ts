const PATTERN = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/;
const PIECE = /([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g;
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** What durations look like, as in Flux's CRDs. */
export const DURATION = /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/;
/** As DURATION without hours: `timeout` of sources. */
export const SHORT_DURATION = /^([0-9]+(\.[0-9]+)?(ms|s|m))+$/;
/** More does not fit Go's duration of 64-bit nanoseconds. */
export const MAX_DURATION_MS = 9_223_372_036_854;

/** Milliseconds of a Go duration such as `1h30m` or `1.5s`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!PATTERN.test(text)) return undefined;
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(PIECE)) ms += Number(digits) * (MS[unit ?? ''] ?? 0);
  return ms > MAX_DURATION_MS ? undefined : ms;
}

/** A duration as Go prints it: `1h0m0s`, `1m30s`, `250ms`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return ms === 0 ? '0s' : `${trim(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = trim((ms % 60_000) / 1_000);
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

function trim(value: number): string {
  return String(Math.round(value * 1e6) / 1e6);
}
