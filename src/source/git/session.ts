import { Fault, type WireCount } from '../../model/index.ts';
import { beginAttempt } from '../attempt.ts';
import { scopedStore } from '../scope.ts';
import type { GitAuth, GitOptions, GitPorts, GitRequest, GitSession } from './request.ts';

/** Begins an attempt: reads the URL, starts the deadline and the count. Fault `object-invalid` for a URL of another kind. */
export function beginSession(ports: GitPorts, request: GitRequest, options: GitOptions): GitSession {
  const parsed = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (parsed === undefined || !/^(https?|ssh):$/.test(parsed.protocol))
    throw new Fault('object-invalid', 'spec.url is not an http://, https:// or ssh:// URL', { reason: 'URLInvalid' });
  const auth = request.auth ?? authOf(parsed);
  parsed.username = '';
  parsed.password = '';
  const url = parsed.href.replace(/\/+$/, '');
  const link: GitSession['link'] = { ssh: undefined };
  const attempt = beginAttempt(ports.clock, request.timeoutMs, options.onExchange);
  return {
    ports: { ...ports, store: scopedStore(ports.store, request.tenant ?? '', url) },
    request,
    place: { base: url },
    link,
    told: { offers: undefined },
    limits: options.limits,
    signal: options.signal,
    servers: options.servers ?? new Map(),
    url,
    authorization: auth === undefined ? undefined : headerOf(auth),
    kept: () => options.onKept?.(),
    ...attempt,
    spent: () => withOpen(attempt.spent(), link),
  };
}

/** An open connection of ssh is one exchange that has not ended: what has moved on it counts as well. */
function withOpen(spent: WireCount, { ssh }: GitSession['link']): WireCount {
  if (ssh === undefined) return spent;
  const { requests, up, down } = ssh.channel.count();
  return { requests: spent.requests + requests, up: spent.up + up, down: spent.down + down };
}

function authOf(url: URL): GitAuth | undefined {
  if (url.username === '' && url.password === '') return undefined;
  try {
    return { kind: 'basic', username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  } catch {
    // Nothing of it is said: it may be a password.
    throw new Fault('object-invalid', 'spec.url has a user name or password in it that cannot be read', {
      reason: 'URLInvalid',
    });
  }
}

function headerOf(auth: GitAuth): string {
  if (auth.kind === 'bearer') return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`, 'utf8').toString('base64')}`;
}

/** With less time left than this, milliseconds, nothing is asked for any more. */
const LEAST_MS = 1_000;

/** True for an answer that broke off, or stands still while there is time to ask for the rest. */
export function isBroken(error: unknown, { left }: Pick<GitSession, 'left'>): error is Fault {
  if (!(error instanceof Fault)) return false;
  return error.code === 'wire-cut' || (error.code === 'wire-timeout' && left() > LEAST_MS);
}
