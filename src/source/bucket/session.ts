import { Fault, type Limits, reworded } from '../../model/index.ts';
import type { WireProxy, WireResponse, WireTls } from '../../ports/index.ts';
import { type Attempt, beginAttempt, wireLimits } from '../attempt.ts';
import type { BucketOptions, BucketPorts, BucketRequest } from './request.ts';

/** One HTTP request of a fetch. */
export interface BucketCall {
  readonly method?: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly tls: WireTls | undefined;
  readonly maxBytes: number;
  /** Whether another address of the server's choice is gone to: never with credentials. */
  readonly follow: boolean;
  /** Begins every message: what was being done. */
  readonly lead: string;
}

/** An answer; `close` must be called at the end, it ends what was not read and counts. */
export interface BucketAnswer {
  readonly status: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** What one attempt shares: ports, request, deadline and the running count of bytes. */
export interface BucketSession extends Attempt {
  readonly ports: BucketPorts;
  readonly request: BucketRequest;
  readonly limits: Limits;
  readonly options: BucketOptions;
  /** Sends within the deadline; Faults carry the call's lead. */
  send(call: BucketCall): Promise<BucketAnswer>;
}

/** Begins an attempt. */
export function beginBucketSession(ports: BucketPorts, request: BucketRequest, options: BucketOptions): BucketSession {
  const attempt = beginAttempt(ports.clock, request.timeoutMs, options.onExchange);
  return {
    ports,
    request,
    limits: options.limits,
    options,
    ...attempt,
    send: async (call) => {
      let response: WireResponse;
      try {
        response = await ports.wire.send({
          method: call.method ?? 'GET',
          url: call.url,
          headers: { ...call.headers, 'user-agent': 'holdfast' },
          ...(call.body === undefined ? {} : { body: call.body }),
          ...(call.tls === undefined ? {} : { tls: call.tls }),
          ...proxyOf(request.proxy),
          limits: wireLimits(attempt, call.maxBytes, options.limits),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          redirects: call.follow ? 3 : 0,
        });
      } catch (error) {
        throw withLead(error, call.lead);
      }
      let counted = false;
      return {
        status: response.status,
        url: response.url,
        headers: response.headers,
        body: named(response.body, call.lead),
        close() {
          response.close();
          if (!counted) attempt.spend(response.count());
          counted = true;
        },
      };
    },
  };
}

function proxyOf(proxy: WireProxy | undefined): { readonly proxy?: WireProxy } {
  return proxy === undefined ? {} : { proxy };
}

/** A Fault of the wire with what was being done in front. */
export function withLead(error: unknown, lead: string): unknown {
  if (!(error instanceof Fault) || error.message.startsWith(lead)) return error;
  return reworded(error, { message: lead + error.message });
}

async function* named(body: AsyncIterable<Uint8Array>, lead: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw withLead(error, lead);
  }
}
