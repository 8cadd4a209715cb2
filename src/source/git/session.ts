import { Fault } from '../../model/index.ts';
import { beginAttempt } from '../attempt.ts';
import type { GitAuth, GitOptions, GitPorts, GitRequest, GitSession } from './request.ts';
import { scopedStore } from './scope.ts';

/** Begins an attempt: reads the URL, starts the deadline and the count. Fault `object-invalid` for a URL of another kind. */
export function beginSession(ports: GitPorts, request: GitRequest, options: GitOptions): GitSession {
  const parsed = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (parsed === undefined || !/^(https?|ssh):$/.test(parsed.protocol))
    throw new Fault('object-invalid', 'spec.url is not an http://, https:// or ssh:// URL', { reason: 'URLInvalid' });
  const auth = request.auth ?? authOf(parsed);
  parsed.username = '';
  parsed.password = '';
  const url = parsed.href.replace(/\/+$/, '');
  return {
    ports: { ...ports, store: scopedStore(ports.store, request.tenant ?? '', url) },
    request,
    place: { base: url },
    link: { ssh: undefined },
    limits: options.limits,
    signal: options.signal,
    servers: options.servers ?? new Map(),
    url,
    authorization: auth === undefined ? undefined : headerOf(auth),
    kept: () => options.onKept?.(),
    ...beginAttempt(ports.clock, request.timeoutMs, options.onExchange),
  };
}

function authOf(url: URL): GitAuth | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { kind: 'basic', username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

function headerOf(auth: GitAuth): string {
  if (auth.kind === 'bearer') return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`, 'utf8').toString('base64')}`;
}
