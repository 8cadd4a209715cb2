import { Fault } from '../../model/index.ts';
import { malformed } from './header.ts';

/** Longest decimal number in front of a record. */
const LENGTH_DIGITS = 9;

/**
 * Reads the records `LENGTH KEY=VALUE\n` of a pax header (POSIX pax, "Extended Header"). Fault `source-refused` when one
 * is not well-formed, and for GNU's sparse files, whose content others would spread out.
 */
export function readPax(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const digits = space < 0 || space - at > LENGTH_DIGITS ? '' : bytes.toString('latin1', at, space);
    const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length === 0 || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 10)
      throw malformed('a pax record has the wrong length');
    const record = bytes.subarray(space + 1, end - 1);
    const equals = record.indexOf(61);
    if (equals <= 0) throw malformed('a pax record has no key');
    const key = record.toString('latin1', 0, equals);
    if (key.startsWith('GNU.sparse.')) throw new Fault('source-refused', 'a sparse file is not taken');
    // Empty values delete a key (POSIX); of the keys only these two are used.
    if (key === 'path' || key === 'size') set(records, key, record.subarray(equals + 1));
    at = end;
  }
  return records;
}

function set(records: Map<string, string>, key: string, value: Buffer): void {
  const text = value.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(value) || text.includes('\0')) throw malformed(`a ${key} is not UTF-8`);
  if (text === '') records.delete(key);
  else records.set(key, text);
}
