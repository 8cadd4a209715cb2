import { createHmac, timingSafeEqual } from 'node:crypto';
import { blobReader, fromBase64 } from './blob.ts';

/** What a known_hosts file says of the key that a server shows. */
export type HostVerdict =
  | 'known'
  /** The host has other keys. */
  | 'mismatch'
  /** Nothing is said of the host. */
  | 'unknown'
  | 'revoked'
  /** Only an authority is named for the host; certificates of hosts are not read. */
  | 'authority';

export interface KnownHosts {
  judge(host: string, port: number, blob: Uint8Array): HostVerdict;
  /** Types of the keys that are known of a host, so that the server is asked for one of these. */
  types(host: string, port: number): readonly string[];
}

interface Line {
  readonly marker: '' | '@revoked' | '@cert-authority';
  readonly names: string;
  readonly type: string;
  readonly blob: Buffer;
}

/**
 * Reads a known_hosts file (sshd, "SSH_KNOWN_HOSTS FILE FORMAT"): plain, hashed and patterned names, other ports, keys
 * revoked. Throws Error with the number of the first line that cannot be read, and nothing of its text.
 */
export function parseKnownHosts(text: string): KnownHosts {
  const lines = text.split('\n').flatMap((raw, i) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const parsed = parseLine(line);
    if (parsed === undefined) throw new Error(`line ${i + 1} of known_hosts cannot be read`);
    return [parsed];
  });
  const about = (host: string, port: number): readonly Line[] => {
    const name = (port === 22 ? host : `[${host}]:${port}`).toLowerCase();
    // `ssh` writes the name alone; others, and Flux, take it with the port as well.
    const forms = port === 22 ? [name, `[${name}]:22`] : [name];
    return lines.filter(({ names }) => (names.startsWith('|') ? isHashOf(names, name) : matches(names, forms)));
  };
  return {
    judge(host, port, blob) {
      const found = about(host, port);
      const same = found.filter((line) => line.blob.equals(blob));
      if (same.some(({ marker }) => marker === '@revoked')) return 'revoked';
      if (same.some(({ marker }) => marker === '')) return 'known';
      if (found.some(({ marker }) => marker === '')) return 'mismatch';
      return found.some(({ marker }) => marker === '@cert-authority') ? 'authority' : 'unknown';
    },
    types: (host, port) => [...new Set(about(host, port).flatMap(({ marker, type }) => (marker === '' ? [type] : [])))],
  };
}

function parseLine(text: string): Line | undefined {
  const fields = text.split(/[ \t]+/);
  const first = fields[0] ?? '';
  const marker = first === '@revoked' || first === '@cert-authority' ? first : '';
  if (marker === '' && first.startsWith('@')) return undefined;
  const [names, type, base64] = marker === '' ? fields : fields.slice(1);
  if (names === undefined || type === undefined || base64 === undefined) return undefined;
  const blob = fromBase64(base64);
  if (blob === undefined || blobReader(blob).text() !== type) return undefined;
  return { marker, names, type, blob };
}

/** `|1|SALT|HMAC-SHA1 of the name`, each in base64. */
function isHashOf(names: string, name: string): boolean {
  const [, version, salt64 = '', hash64 = ''] = names.split('|');
  const [salt, hash] = [fromBase64(salt64), fromBase64(hash64)];
  if (version !== '1' || salt === undefined || hash?.length !== 20) return false;
  return timingSafeEqual(createHmac('sha1', salt).update(name).digest(), hash);
}

/** Patterns by comma; one with `!` in front that matches takes the whole line out. */
function matches(names: string, forms: readonly string[]): boolean {
  const patterns = names.split(',').map((one) => one.toLowerCase());
  const some = (pattern: string): boolean => forms.some((form) => fits(pattern, form));
  if (patterns.some((one) => one.startsWith('!') && some(one.slice(1)))) return false;
  return patterns.some((one) => !one.startsWith('!') && some(one));
}

/** `*` is any text, `?` one character; without going back more than once a star. */
function fits(pattern: string, name: string): boolean {
  let [p, n, star, from] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '?' || (pattern[p] === name[n] && pattern[p] !== '*')) {
      p += 1;
      n += 1;
    } else if (pattern[p] === '*') {
      star = p++;
      from = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++from;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
