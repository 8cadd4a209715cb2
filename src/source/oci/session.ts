import { beginAttempt } from '../attempt.ts';
import { scopedStore } from '../scope.ts';
import { loginFor } from './credentials.ts';
import { parsePlace } from './reference.ts';
import type { OciOptions, OciPorts, OciRequest, OciSession } from './request.ts';
import { tokenShelf } from './tokens.ts';

/** Begins an attempt: reads the URL, starts the deadline and the count. Fault `object-invalid` for a wrong URL. */
export function beginSession(ports: OciPorts, request: OciRequest, options: OciOptions): OciSession {
  const place = parsePlace(request.url);
  const note = options.registries?.get(place.host);
  const login = loginFor(request.logins, place);
  const way = [request.tenant, request.insecure, request.tls, request.proxy];
  const token = tokenShelf(options.tokens, ports.clock, { place, login, way, user: request.owner });
  return {
    ports: { ...ports, store: scopedStore(ports.store, request.tenant, request.url) },
    request,
    limits: options.limits,
    options,
    place,
    login,
    registry: {
      scheme: undefined,
      authorization: note?.basic === true && login !== undefined ? basic(login.username, login.password) : token.get(),
    },
    token,
    ...beginAttempt(ports.clock, request.timeoutMs, options.onExchange),
  };
}

/** An Authorization header of user and password. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
