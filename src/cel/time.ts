import { fail } from './errors.ts';
import { plainText } from './numbers.ts';
import { Duration, MAX_INT, MIN_INT, Timestamp, type Value } from './values.ts';

const SECOND = 1_000_000_000n;
/** Years 1 to 9999. */
const FIRST = -62_135_596_800n * SECOND;
const LAST = 253_402_300_800n * SECOND - 1n;
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3_600n * SECOND,
};

/** A duration in range. */
export function duration(nanos: bigint): Duration {
  return nanos > MAX_INT || nanos < MIN_INT ? fail('duration overflow') : new Duration(nanos);
}

/** A timestamp in range; `offset` in minutes is how it is written. */
export function timestamp(nanos: bigint, offset = 0): Timestamp {
  return nanos < FIRST || nanos > LAST ? fail('timestamp overflow') : new Timestamp(nanos, offset);
}

/** Reads a duration as Go writes it: `1h30m`, `-1.5s`. */
export function parseDuration(text: string): Duration {
  const bad = (): never => fail(`type conversion error from 'string' to 'google.protobuf.Duration'`);
  const m = /^([-+]?)((?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (m === null || text.length > 256) return bad();
  let nanos = 0n;
  for (const [, whole, part, unit] of (m[2] ?? '').matchAll(/([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)/g)) {
    const scale = UNITS[unit ?? ''] ?? 0n;
    const digits = part ?? '';
    nanos += BigInt(whole === '' ? 0 : (whole ?? 0)) * scale;
    if (digits !== '') nanos += (BigInt(digits) * scale) / 10n ** BigInt(digits.length);
  }
  return nanos > MAX_INT ? bad() : new Duration(m[1] === '-' ? -nanos : nanos);
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,64}))?(?:Z|([-+])(\d\d):(\d\d))$/;

/** Reads a timestamp of RFC 3339. */
export function parseTimestamp(text: string): Timestamp {
  const bad = (): never => fail(`type conversion error from 'string' to 'google.protobuf.Timestamp'`);
  const m = RFC3339.exec(text);
  if (m === null) return bad();
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = m.slice(1, 7).map(Number);
  const days = new Date(0);
  days.setUTCFullYear(year, month - 1, day);
  const real = days.getUTCMonth() === month - 1 && days.getUTCDate() === day && month >= 1;
  const [offsetHour, offsetMinute] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  if (!real || hour > 23 || minute > 59 || second > 59 || offsetHour > 24 || offsetMinute > 60) return bad();
  const offset = (offsetHour * 60 + offsetMinute) * (m[8] === '-' ? -60 : 60);
  const seconds = BigInt(days.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset);
  const fraction = BigInt((m[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const nanos = seconds * SECOND + fraction;
  return nanos < FIRST || nanos > LAST ? bad() : new Timestamp(nanos, offset / 60);
}

/** Rounds down, also below zero. */
function floor(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}

/** RFC 3339 at the offset that it was read with, with as many digits of the second as needed. */
export function timestampText({ nanos, offset }: Timestamp): string {
  const seconds = floor(nanos, SECOND);
  const rest = nanos - seconds * SECOND;
  const two = (n: number): string => String(Math.trunc(Math.abs(n))).padStart(2, '0');
  const zone = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(offset / 60)}:${two(offset % 60)}`;
  const fraction = rest === 0n ? '' : `.${rest.toString().padStart(9, '0').replace(/0+$/, '')}`;
  return `${new Date((Number(seconds) + offset * 60) * 1000).toISOString().slice(0, 19)}${fraction}${zone}`;
}

/** Seconds, as Go prints a float without an exponent. */
export function durationText({ nanos }: Duration): string {
  return `${plainText(Number(nanos / SECOND) + Number(nanos % SECOND) / 1e9)}s`;
}

type Part = (date: Date, nanos: bigint) => number;

const PARTS: Readonly<Record<string, Part>> = {
  getFullYear: (d) => d.getUTCFullYear(),
  getMonth: (d) => d.getUTCMonth(),
  getDate: (d) => d.getUTCDate(),
  getDayOfMonth: (d) => d.getUTCDate() - 1,
  getDayOfWeek: (d) => d.getUTCDay(),
  getDayOfYear: (d) => {
    const first = new Date(0);
    first.setUTCFullYear(d.getUTCFullYear(), 0, 1);
    return Math.floor((d.getTime() - first.getTime()) / 86_400_000);
  },
  getHours: (d) => d.getUTCHours(),
  getMinutes: (d) => d.getUTCMinutes(),
  getSeconds: (d) => d.getUTCSeconds(),
  getMilliseconds: (_, nanos) => Number(nanos / 1_000_000n),
};

/** Names of the parts of a timestamp. */
export const TIME_PARTS: readonly string[] = Object.keys(PARTS);

/** A part of a timestamp, such as `getHours`, in UTC or at an offset such as `+02:00`. */
export function timePart(name: string, { nanos }: Timestamp, zone = 'UTC'): Value {
  const local = nanos + offsetOf(zone);
  const seconds = floor(local, SECOND);
  const part = PARTS[name];
  if (part === undefined) return fail(`no such part of a timestamp: ${name}`);
  return BigInt(part(new Date(Number(seconds) * 1000), local - seconds * SECOND));
}

/** Zones by name would bring a table of several megabytes: only UTC and offsets are known. */
function offsetOf(zone: string): bigint {
  if (zone === 'UTC' || zone === '') return 0n;
  const m = /^([-+]?)(\d{1,2}):(\d{1,2})$/.exec(zone);
  if (m === null) return fail(`unknown time zone ${zone}: write UTC or an offset such as +02:00`);
  const minutes = BigInt(Number(m[2]) * 60 + Number(m[3]));
  return (m[1] === '-' ? -minutes : minutes) * 60n * SECOND;
}

/** A part of a duration. */
export function durationPart(name: string, { nanos }: Duration): Value {
  if (name === 'getHours') return nanos / (3_600n * SECOND);
  if (name === 'getMinutes') return nanos / (60n * SECOND);
  return name === 'getSeconds' ? nanos / SECOND : nanos / 1_000_000n;
}
