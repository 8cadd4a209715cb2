import { Fault, fromJson, isObject, listAt, printable, reworded, textAt } from '../../model/index.ts';
import type { WireResponse } from '../../ports/index.ts';
import { retryAfter } from '../answers.ts';
import type { OciSession } from './request.ts';

/** What a fetch is about, in Flux's words: the beginning of a message, and the reason of the condition. */
export interface Phase {
  readonly lead: string;
  readonly reason: string;
}

const PULL = 'OCIArtifactPullFailed';
const LAYER = 'OCIArtifactLayerOperationFailed';

export const PHASES = {
  tag: (url: string): Phase => ({
    lead: `failed to determine the artifact tag for '${url}'`,
    reason: 'ReadOperationFailed',
  }),
  digest: { lead: 'failed to determine artifact digest', reason: PULL } satisfies Phase,
  pull: (url: string): Phase => ({ lead: `failed to pull artifact from '${url}'`, reason: PULL }),
  /** Until the layer begins to come. */
  first: { lead: 'failed to extract the first layer from artifact', reason: LAYER } satisfies Phase,
  extract: { lead: 'failed to extract layer contents from artifact', reason: LAYER } satisfies Phase,
  copy: { lead: 'failed to copy layer from artifact', reason: LAYER } satisfies Phase,
};

const TOLD = /^failed to (?:determine|pull|extract|copy) /;

/** Runs a phase: Faults of the wire and of what came by it get its words and its reason; others pass as they are. */
export async function during<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Fault) || !/^(?:wire|source|signature)-|^object-invalid$/.test(error.code)) throw error;
    // A phase may be a part of another one, or of itself: what was said first stays.
    const told = TOLD.test(error.message);
    throw reworded(error, { message: told ? error.message : `${phase.lead}: ${error.message}`, reason: phase.reason });
  }
}

/** Bytes of an answer that says what is wrong. */
const COMPLAINT_BYTES = 16 * 1024;

/** The Fault for a status that is not a success, with what the registry says of it. Ends the exchange. */
export async function statusFault(session: OciSession, response: WireResponse, what: string): Promise<Fault> {
  const { status } = response;
  const said = await complaint(response);
  session.spend(response.count());
  const of = (fallback: string): string => `${what}: ${said === '' ? fallback : said} (status ${status})`;
  const retryAfterMs = retryAfter(response.headers['retry-after'], session.ports.clock.now());
  if (status === 401) return new Fault('source-auth', of('UNAUTHORIZED: authentication required'));
  if (status === 403) return new Fault('source-forbidden', of('DENIED: requested access to the resource is denied'));
  if (status === 404 && said.startsWith('NAME_')) return new Fault('source-not-found', of(''));
  if (status === 404) return new Fault('source-ref-missing', of('MANIFEST_UNKNOWN: manifest unknown'));
  if (status === 407) return new Fault('wire-proxy', of('the proxy asks for credentials'));
  if (status === 429) return new Fault('wire-throttled', of('TOOMANYREQUESTS: too many requests'), { retryAfterMs });
  if (status >= 500) return new Fault('wire-server', of('the registry has an error of its own'), { retryAfterMs });
  return new Fault('wire-protocol', of('this is not what a registry answers'));
}

/** Code and message of an answer's first error (distribution spec, "Error Codes"); '' where it has none. */
async function complaint(response: WireResponse): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body) {
      size += part.length;
      if (size > COMPLAINT_BYTES) return '';
      parts.push(part);
    }
    const [first] = listAt(fromJson(Buffer.concat(parts).toString('utf8')), 'errors');
    if (first === undefined || !isObject(first)) return '';
    return printable([textAt(first, 'code'), textAt(first, 'message')].filter((text) => text !== undefined).join(': '));
  } catch {
    return '';
  } finally {
    response.close();
  }
}

/** The Fault for an answer that is a page for people. */
export function noRegistry(what: string): Fault {
  return new Fault('wire-protocol', `${what}: the answer is not a registry's (a login page in between?)`);
}

/** The same; ends the exchange. */
export function pageFault(session: OciSession, response: WireResponse, what: string): Fault {
  response.close();
  session.spend(response.count());
  return noRegistry(what);
}
