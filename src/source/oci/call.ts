import { Fault, type LimitName } from '../../model/index.ts';
import type { WireResponse } from '../../ports/index.ts';
import { authorize } from './auth.ts';
import { exchange } from './exchange.ts';
import { isLoopback, isPrivate } from './reference.ts';
import type { OciSession } from './request.ts';

/** A request to the registry. */
export interface Call {
  readonly method: 'GET' | 'HEAD';
  /** From `/v2/` on, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bound of the answer's body, and the limit that it comes from. */
  readonly maxBytes: number;
  readonly limit: LimitName;
}

/**
 * Sends a request, logging in where the registry asks for it: once a call, since a token may have run out. Every status
 * but 401 is an answer. Whoever gets it ends it with `close` and counts it with `session.spend`.
 */
export async function call(session: OciSession, what: Call): Promise<WireResponse> {
  const first = await reach(session, what);
  if (first.status !== 401) return first;
  const offered = first.headers['www-authenticate'] ?? '';
  first.close();
  session.spend(first.count());
  session.token.drop();
  session.registry.authorization = await authorize(session, offered, session.registry.authorization);
  note(session);
  return reach(session, what);
}

type Scheme = 'http' | 'https';

/** How requests are called in messages. */
export function callName(session: OciSession, { method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${session.registry.scheme ?? 'https'}://${session.place.host}${path.split('?')[0]}`;
}

/** Sends by the scheme that is known, or finds it out. */
async function reach(session: OciSession, what: Call): Promise<WireResponse> {
  const { registry } = session;
  if (registry.scheme !== undefined) return send(session, registry.scheme, what);
  const schemes = schemesOf(session);
  let failed: unknown;
  for (const scheme of schemes) {
    const more = scheme !== schemes.at(-1);
    try {
      const response = await send(session, scheme, what);
      // What a TLS server answers to plain text.
      if (scheme === 'http' && response.status === 400 && schemes.length > 1) {
        response.close();
        session.spend(response.count());
        if (!more) throw failed;
        continue;
      }
      registry.scheme = scheme;
      note(session);
      return response;
    } catch (error) {
      failed ??= error;
      if (!more || !isOtherScheme(error)) throw scheme === 'http' ? failed : error;
    }
  }
  throw failed;
}

/**
 * Which schemes are tried, in order. As go-containerregistry, plain HTTP where the object allows it, on this machine,
 * and in private networks; but there never with credentials. It comes first where nobody is kept out by TLS, because a
 * TLS handshake that fails costs more than a poll.
 */
function schemesOf({ request, place, login, options }: OciSession): readonly Scheme[] {
  const tls = request.tls !== undefined && request.tls.anyServer !== true;
  const local = request.insecure || isLoopback(place.host);
  if (!local) return isPrivate(place.host) && login === undefined && !tls ? ['https', 'http'] : ['https'];
  const first = options.registries?.get(place.host)?.scheme ?? (tls ? 'https' : 'http');
  return first === 'https' ? ['https', 'http'] : ['http', 'https'];
}

/** True when the server may speak the other scheme. */
function isOtherScheme(error: unknown): boolean {
  return error instanceof Fault && /^wire-(?:unreachable|cut|protocol|tls)$/.test(error.code);
}

function note({ options, place, registry }: OciSession): void {
  const { scheme, authorization } = registry;
  if (scheme !== undefined)
    options.registries?.set(place.host, { scheme, basic: authorization?.startsWith('Basic ') === true });
}

function send(session: OciSession, scheme: Scheme, what: Call): Promise<WireResponse> {
  const { authorization } = session.registry;
  return exchange(session, {
    method: what.method,
    url: `${scheme}://${session.place.host}${what.path}`,
    headers: { ...(authorization === undefined ? {} : { authorization }), ...what.headers },
    tls: session.request.tls,
    maxBytes: what.maxBytes,
    limit: what.limit,
  });
}
