const STAMP = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** A time of RFC 3339 as Go prints it (RFC3339Nano); undefined when the text is none. */
export function parseRfc3339(text: string): string | undefined {
  const m = STAMP.exec(text);
  if (m === null || !isDate(m)) return undefined;
  const fraction = (m[7] ?? '').replace(/0+$/, '');
  return `${text.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}${zoneOf(m[8] ?? 'Z')}`;
}

/** The same without fractions of seconds (RFC3339): what the MAC of a file is bound to. */
export function wholeSeconds(text: string): string | undefined {
  return parseRfc3339(text)?.replace(/\.\d+/, '');
}

const zoneOf = (zone: string): string => (/^[+-]00:00$/.test(zone) ? 'Z' : zone);

function isDate(m: RegExpExecArray): boolean {
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number);
  const days = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  const inDay = (hour ?? 24) < 24 && (minute ?? 60) < 60 && (second ?? 60) < 60;
  return inDay && (month ?? 0) >= 1 && (month ?? 13) <= 12 && (day ?? 0) >= 1 && (day ?? 32) <= days;
}
