import { Fault, fromJson, isObject, type JsonObject, type LimitName } from '../model/index.ts';

/** Milliseconds of a Retry-After header, in seconds or as a date (RFC 9110 10.2.3); at most a day. */
export function retryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^[0-9]{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 86_400_000);
}

/** All bytes of a body, which the request has bounded. */
export async function allOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

/** A body whose Fault of a bound names the limit. */
export async function* bounded(body: AsyncIterable<Uint8Array>, limit: LimitName): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'source-bounds') throw error;
    throw new Fault('source-bounds', `${error.message} (limits.${limit})`, { cause: error });
  }
}

/** The JSON object that a body is; undefined for anything else. */
export function objectIn(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = fromJson(Buffer.from(bytes).toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Bare media type of a Content-Type header. */
export function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
