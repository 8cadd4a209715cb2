import { Fault, printable, withoutLogins } from '../../model/index.ts';

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
/** Name of a repository, and a tag (distribution spec, "Pulling manifests"). */
const NAME = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const NAME_CHARS = 255;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
/** What may be a login in what is no URL: all up to the last '@' but that of a digest. */
const LOGIN = /^.*@(?!sha(?:256|512):)/s;

/** Where a repository is. */
export interface OciPlace {
  /** With the port where one is written. */
  readonly host: string;
  readonly name: string;
}

/** Reads `oci://HOST[:PORT]/NAME`. Fault `object-invalid` with Flux's reason URLInvalid. */
export function parsePlace(url: string): OciPlace {
  const rest = url.startsWith('oci://') ? url.slice(6) : undefined;
  if (rest === undefined) throw invalid(url, "URL must be in format 'oci://<domain>/<org>/<repo>'");
  const slash = rest.indexOf('/');
  const host = slash < 0 ? rest : rest.slice(0, slash);
  const name = slash < 0 ? '' : rest.slice(slash + 1);
  const tag = /[:@].*$/s.exec(name)?.[0];
  if (tag !== undefined)
    throw invalid(url, `URL must not contain a tag${tag.startsWith('@') ? ' or digest' : ''}; remove '${tag}'`);
  if (!HOST.test(host)) throw invalid(url, 'the host is none, or holds credentials: name those in secretRef');
  // Cut before it is matched: the pattern may try long names in many ways.
  if (name.length > NAME_CHARS || !NAME.test(name))
    throw invalid(url, 'the repository must be lower-case letters, digits and separators, at most 255 characters');
  return { host, name };
}

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

function invalid(url: string, why: string): Fault {
  const bare = SCHEME.test(url) ? withoutLogins(url) : url.replace(LOGIN, '***@');
  const shown = printable(bare, 300);
  return new Fault('object-invalid', `URL validation failed for '${shown}': ${why}`, { reason: 'URLInvalid' });
}

/** Name or address of a host, without port and brackets. */
export function hostname(host: string): string {
  const bare = host.replace(/:[0-9]+$/, '');
  return bare.startsWith('[') ? bare.slice(1, -1) : bare.toLowerCase();
}

/** True for this machine itself. */
export function isLoopback(host: string): boolean {
  const name = hostname(host);
  return name === 'localhost' || name.endsWith('.localhost') || /^127(?:\.[0-9]{1,3}){3}$/.test(name) || name === '::1';
}

/** True for addresses of private networks (RFC 1918). */
export function isPrivate(host: string): boolean {
  return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.)[0-9.]+$/.test(hostname(host));
}

/** True for an IP address. */
export function isAddress(host: string): boolean {
  const name = hostname(host);
  return /^[0-9.]+$/.test(name) || name.includes(':');
}
