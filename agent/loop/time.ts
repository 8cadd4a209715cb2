/** RFC 3339 in UTC with whole seconds, as Kubernetes writes times; '' for 0 and for times that are no dates. */
export function rfc3339(ms: number): string {
  if (ms <= 0 || !Number.isFinite(ms) || ms > 8.64e15) return '';
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A duration as Go prints it, rounded to what a person wants to know. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1000);
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = seconds % 60;
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`;
}
