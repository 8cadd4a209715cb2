import { Fault } from '../../model/index.ts';
import type { WireResponse } from '../../ports/index.ts';
import { objectIn } from '../answers.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { RegistryLogin } from './credentials.ts';
import { bodyOf, exchange } from './exchange.ts';
import { statusFault } from './faults.ts';
import { hostname, isAddress, isLoopback } from './reference.ts';
import type { OciSession } from './request.ts';
import { basic } from './session.ts';

/** Bytes of a token server's answer. */
const TOKEN_BYTES = 256 * 1024;

/**
 * The Authorization header that a 401 asks for (distribution, "Token Authentication Specification"). `before`: what was
 * refused. Fault `source-auth` when there is nothing, or nothing else, to log in with.
 */
export async function authorize(session: OciSession, offered: string, before: string | undefined): Promise<string> {
  const { login, place } = session;
  const challenges = parseChallenges(offered);
  const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.has('realm'));
  if (bearer !== undefined) {
    const given =
      login === undefined || login.registryToken === '' ? undefined : `Bearer ${checked(login.registryToken)}`;
    return given !== undefined && given !== before ? given : fetchToken(session, bearer);
  }
  if (!challenges.some(({ scheme }) => scheme === 'basic'))
    throw unauthorized(`${place.host} names no way to log in that is known here`);
  if (login === undefined || login.password === '') throw unauthorized(`${place.host} asks for user and password`);
  const header = basic(login.username, login.password);
  if (header === before) throw unauthorized(`${place.host} refuses user and password`);
  return header;
}

/** A header with a token from the token server, which is kept as long as it holds. */
async function fetchToken(session: OciSession, challenge: Challenge): Promise<string> {
  const { login, place } = session;
  const realm = realmOf(session, challenge.params.get('realm') ?? '');
  const service = challenge.params.get('service') ?? '';
  const scopes = new Set((challenge.params.get('scope') ?? '').split(' ').filter((scope) => scope !== ''));
  scopes.add(`repository:${place.name}:pull`);
  const identity = login !== undefined && login.identityToken !== '';
  const response = identity
    ? await refresh(session, realm, { service, scopes, token: login.identityToken })
    : await get(session, realm, { service, scopes, login });
  if (response.status >= 300 && response.status < 400) throw movedFault(session, response, realm);
  if (response.status !== 200) throw await statusFault(session, response, `the token server at ${realm.host}`);
  const given = tokenOf(await bodyOf(session, response));
  if (given === undefined)
    throw new Fault('wire-protocol', `the answer of ${realm.host} is not a token server's (a login page in between?)`);
  const header = `Bearer ${checked(given.token)}`;
  session.token.keep(header, given.seconds);
  return header;
}

/** The Fault for a token server that sends a secret elsewhere. Ends the exchange. */
function movedFault(session: OciSession, response: WireResponse, realm: URL): Fault {
  response.close();
  session.spend(response.count());
  const location = response.headers['location'] ?? '';
  const to = URL.canParse(location, realm.href) ? new URL(location, realm.href).host : 'another address';
  return new Fault(
    'source-refused',
    `the token server at ${realm.host} sends us to ${to} (status ${response.status}), where an identity token does not go`,
  );
}

interface Ask {
  readonly service: string;
  readonly scopes: ReadonlySet<string>;
}

function get(
  session: OciSession,
  realm: URL,
  { service, scopes, login }: Ask & { readonly login: RegistryLogin | undefined },
): Promise<WireResponse> {
  const url = new URL(realm);
  if (service !== '') url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const header = login === undefined || login.password === '' ? undefined : basic(login.username, login.password);
  return ask(session, url, { headers: header === undefined ? {} : { authorization: header } });
}

function refresh(
  session: OciSession,
  realm: URL,
  { service, scopes, token }: Ask & { readonly token: string },
): Promise<WireResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service,
    client_id: 'holdfast',
    scope: [...scopes].join(' '),
    refresh_token: token,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return ask(session, realm, { headers, body: form.toString() });
}

function ask(
  session: OciSession,
  url: URL,
  what: { readonly headers: Readonly<Record<string, string>>; readonly body?: string },
): Promise<WireResponse> {
  const { tls } = session.request;
  const { cert: _cert, key: _key, ...trust } = tls ?? {};
  const own = url.host === session.place.host;
  return exchange(session, {
    method: what.body === undefined ? 'GET' : 'POST',
    url: url.href,
    ...what,
    // Who we are is for the registry alone.
    tls: own || tls === undefined ? tls : trust,
    maxBytes: TOKEN_BYTES,
    limit: 'responseHeaderBytes',
    // A body that holds the identity token would go along.
    follow: what.body === undefined,
  });
}

/**
 * Where tokens are had. The address comes from the registry, so it must not lead credentials to plain text, nor into
 * networks that the registry itself is not in (CVE-2026-48978).
 */
function realmOf({ place, registry }: OciSession, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bad = (why: string): Fault => new Fault('source-refused', `${place.host} names a token server that ${why}`);
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw bad('is not an http:// or https:// address');
  if (url.protocol === 'http:' && registry.scheme !== 'http') throw bad('does not use TLS, though the registry does');
  if (url.username !== '' || url.password !== '') throw bad('holds credentials in its address');
  const same = hostname(url.host) === hostname(place.host);
  const inside = isAddress(url.host) || isLoopback(url.host);
  if (!same && inside && !isAddress(place.host) && !isLoopback(place.host))
    throw bad('is an address of a network of its own');
  url.hash = '';
  return url;
}

/** What a token that does not say so holds, by the specification. */
const TOKEN_SECONDS = 60;

/** `token` or `access_token` of an answer, and how long it holds. */
function tokenOf(bytes: Buffer): { readonly token: string; readonly seconds: number } | undefined {
  const value = objectIn(bytes);
  if (value === undefined) return undefined;
  const token = value['access_token'] ?? value['token'];
  const said = value['expires_in'];
  const seconds = typeof said === 'number' && said > 0 ? said : TOKEN_SECONDS;
  return typeof token === 'string' && token !== '' ? { token, seconds } : undefined;
}

/** A token goes into a header as it is. */
function checked(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Fault('wire-protocol', 'the token holds a character that cannot be sent');
}

function unauthorized(why: string): Fault {
  return new Fault('source-auth', `UNAUTHORIZED: authentication required: ${why}`);
}
