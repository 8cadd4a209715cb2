import type { LimitName } from '../../model/index.ts';
import type { WireRequest, WireResponse, WireTls } from '../../ports/index.ts';
import { allOf, bounded } from '../answers.ts';
import { wireLimits } from '../attempt.ts';
import type { OciSession } from './request.ts';

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls: WireTls | undefined;
  readonly maxBytes: number;
  readonly limit: LimitName;
  /** False: an address of the server's choice is not gone to, because the body holds a secret. Default true. */
  readonly follow?: boolean;
}

/** One exchange within the session's time, by its proxy. A Fault names the limit that was passed. */
export async function exchange(session: OciSession, what: Exchange): Promise<WireResponse> {
  const { proxy } = session.request;
  const { signal } = session.options;
  const request: WireRequest = {
    method: what.method,
    url: what.url,
    headers: { 'user-agent': 'holdfast', ...what.headers },
    ...(what.body === undefined ? {} : { body: Buffer.from(what.body, 'utf8') }),
    ...(what.tls === undefined ? {} : { tls: what.tls }),
    ...(proxy === undefined ? {} : { proxy }),
    limits: wireLimits(session, what.maxBytes, session.limits),
    ...(signal === undefined ? {} : { signal }),
    ...(what.follow === false ? { redirects: 0 } : {}),
  };
  const response = await session.ports.wire.send(request);
  return { ...response, body: bounded(response.body, what.limit) };
}

/** The whole body; ends and counts the exchange. */
export async function bodyOf(session: OciSession, response: WireResponse): Promise<Buffer> {
  try {
    return await allOf(response.body);
  } finally {
    response.close();
    session.spend(response.count());
  }
}
