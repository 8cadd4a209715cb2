import { Fault, isObject, type Json } from '../../model/index.ts';
import type { OciPlace } from './reference.ts';

/** How to log in to registries whose name matches. Never logged. */
export interface RegistryLogin {
  /** Host, with port and path where they are given; the host may hold `*`. Without scheme. */
  readonly pattern: string;
  readonly username: string;
  readonly password: string;
  /** Given for access tokens in place of a password; '' without. */
  readonly identityToken: string;
  /** An access token itself; '' without. */
  readonly registryToken: string;
}

/**
 * The logins in a Secret's docker config: `{"auths":{HOST:{…}}}`, or the inner map alone (`.dockercfg`). Fault
 * `secret-invalid` when it is not readable as one.
 */
export function parseDockerConfig(text: string, where: string): readonly RegistryLogin[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(where, 'it is not JSON');
  }
  const auths = isObject(value) && 'auths' in value ? value['auths'] : value;
  if (!isObject(auths)) throw unreadable(where, 'auths is not a map');
  return Object.entries(auths).flatMap(([key, entry]) => {
    if (!isObject(entry)) throw unreadable(where, 'an entry of auths is not a map');
    const pattern = patternOf(key);
    return pattern === '' ? [] : [{ pattern, ...loginOf(entry, where) }];
  });
}

function loginOf(entry: { readonly [key: string]: Json }, where: string): Omit<RegistryLogin, 'pattern'> {
  const text = (key: string): string => {
    const value = entry[key];
    return typeof value === 'string' ? value : '';
  };
  let [username, password] = [text('username'), text('password')];
  const auth = text('auth');
  if (auth !== '' && username === '' && password === '') {
    const pair = Buffer.from(auth, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon < 0) throw unreadable(where, 'auth of an entry is not the base64 of user:password');
    [username, password] = [pair.slice(0, colon), pair.slice(colon + 1).replace(/\0+$/, '')];
  }
  return { username, password, identityToken: text('identitytoken'), registryToken: text('registrytoken') };
}

/** Without scheme, and without the version path that old configs end in. */
function patternOf(key: string): string {
  return key
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/^([^/]*)\/v[12](?:\/|$)/, '$1/')
    .replace(/\/+$/, '');
}

function unreadable(where: string, why: string): Fault {
  return new Fault('secret-invalid', `failed to get credential: ${where}: ${why}`);
}

/** The login for a repository: the longest pattern that matches, of equal ones the first. Undefined: anonymous. */
export function loginFor(logins: readonly RegistryLogin[], place: OciPlace): RegistryLogin | undefined {
  let best: RegistryLogin | undefined;
  for (const login of logins)
    if (matches(login.pattern, place) && login.pattern.length > (best?.pattern.length ?? -1)) best = login;
  return best;
}

/** As Kubernetes matches image names: the host label by label, the port as it is, the path as a beginning. */
function matches(pattern: string, { host, name }: OciPlace): boolean {
  const slash = pattern.indexOf('/');
  const wanted = slash < 0 ? pattern : pattern.slice(0, slash);
  const path = slash < 0 ? '' : pattern.slice(slash + 1);
  if (!name.startsWith(path)) return false;
  const [mine, theirs] = [splitPort(host), splitPort(wanted)];
  if (mine.port !== theirs.port) return false;
  const labels = theirs.name.toLowerCase().split('.');
  const own = mine.name.toLowerCase().split('.');
  return labels.length === own.length && labels.every((label, i) => labelMatches(label, own[i] ?? ''));
}

function splitPort(host: string): { readonly name: string; readonly port: string } {
  const port = /:([0-9]+)$/.exec(host)?.[1] ?? '';
  return { name: port === '' ? host : host.slice(0, -port.length - 1), port };
}

/** A label with `*` for any run of characters; linear in the label for each star. */
function labelMatches(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === label;
  if (!label.startsWith(first) || label.length < first.length + last.length || !label.endsWith(last)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = label.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= label.length - last.length;
}
