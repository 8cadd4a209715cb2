import { blobReader, fromBase64 } from './blob.ts';
import { parseSshKey, type SshKey } from './ssh-key.ts';

/**
 * The keys of a file of signers: lines of `authorized_keys`, or of Git's `allowed_signers`. A line that cannot be read
 * makes the whole file unreadable, so that a slip of the pen is seen; undefined then. Authorities and keys for another
 * purpose or time are passed over. `now` in milliseconds since 1970.
 */
export function parseSigners(text: string, now: number): readonly SshKey[] | undefined {
  const keys: SshKey[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const found = keyOf(fieldsOf(line));
    if (found === undefined) return undefined;
    if (maySign(found.options, now)) keys.push(found.key);
  }
  return keys;
}

const INNER_COMMA = '\u0001';

/** Fields between blanks; quotes hold blanks together. */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? '';
    if (c === '\\' && quoted && line[i + 1] === '"') field += line[++i] ?? '';
    else if (c === '"') quoted = !quoted;
    else if ((c === ' ' || c === '\t') && !quoted) {
      if (field !== '') fields.push(field);
      field = '';
      continue;
    }
    // A comma in quotes does not end an option.
    if (c !== '"') field += c === ',' && quoted ? INNER_COMMA : c;
  }
  if (field !== '') fields.push(field);
  return quoted ? [] : fields;
}

/** The key and what stands in front of it: options, or principals and options. */
function keyOf(fields: readonly string[]): { readonly key: SshKey; readonly options: readonly string[] } | undefined {
  for (let i = 0; i < Math.min(fields.length - 1, 3); i++) {
    const blob = fromBase64(fields[i + 1] ?? '');
    if (blob === undefined || blobReader(blob).text() !== fields[i]) continue;
    const key = parseSshKey(blob);
    return key === undefined ? undefined : { key, options: fields.slice(0, i).flatMap((field) => field.split(',')) };
  }
  return undefined;
}

function maySign(options: readonly string[], now: number): boolean {
  return options.every((option) => {
    const [name = '', value = ''] = [option.split('=', 1)[0]?.toLowerCase(), option.slice(option.indexOf('=') + 1)];
    if (name === 'cert-authority') return false;
    if (name === 'namespaces') return value.split(INNER_COMMA).some((one) => one === 'git' || one === '*');
    if (name === 'valid-after') return now >= (timeOf(value) ?? Number.POSITIVE_INFINITY);
    if (name === 'valid-before' || name === 'expiry-time') return now < (timeOf(value) ?? Number.NEGATIVE_INFINITY);
    return true;
  });
}

/** `YYYYMMDD[HHMM[SS]][Z]` in milliseconds since 1970; always taken as UTC. */
function timeOf(text: string): number | undefined {
  const m = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z?$/.exec(text);
  if (m === null) return undefined;
  const [, year, month, day, hour, minute, second] = m.map((part) => Number(part ?? 0));
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
