import { Fault, printable } from '../../model/index.ts';
import { retryAfter } from '../answers.ts';
import type { BucketAnswer, BucketSession } from './session.ts';
import { readXml, textOf, type XmlElement } from './xml.ts';

/** Bounds of an answer that tells of an error. */
const ERROR_BOUNDS = { depth: 8, elements: 200 };
/** Signatures hold for so long on either side, milliseconds. */
const SKEW_MS = 15 * 60_000;

/** What a storage server says about an error, as far as it can be read. */
export interface ErrorAnswer {
  readonly status: number;
  /** `NoSuchBucket` and so on; '' when it cannot be read. */
  readonly code: string;
  readonly message: string;
  /** Region that the bucket is in, where the server says so. */
  readonly region: string;
}

/** Reads an answer that is not what was asked for, and closes it. */
export async function readError(answer: BucketAnswer): Promise<ErrorAnswer> {
  let root: XmlElement | undefined;
  try {
    root = readXml(await beginning(answer), ERROR_BOUNDS);
  } catch (error) {
    if (!(error instanceof Fault) || error.code === 'wire-timeout') throw error;
  } finally {
    answer.close();
  }
  return {
    status: answer.status,
    code: plain(textOf(root, 'Code') || (answer.headers['x-ms-error-code'] ?? '')),
    message: plain(textOf(root, 'Message')),
    region: plain(answer.headers['x-amz-bucket-region'] ?? textOf(root, 'Region')),
  };
}

/** The server's clock, milliseconds since 1970; undefined when it did not tell. */
export function dateOf({ headers }: BucketAnswer): number | undefined {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** At most so much of an answer that nobody asked for. */
const ERROR_BYTES = 65_536;

async function beginning(answer: BucketAnswer): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body) {
    parts.push(part);
    size += part.length;
    if (size > ERROR_BYTES) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The first line, without what a terminal would act upon. */
function plain(text: string): string {
  return printable(text.split('\n')[0] ?? '');
}

/** What servers call credentials that they do not take, whatever status they give it. */
const DENIED = new Set([
  'AccessDenied',
  'AuthenticationFailed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'XAdminUserNotFound',
]);
/** What they call too many requests. */
const THROTTLED = new Set(['SlowDown', 'ServerBusy', 'TooManyRequests']);
const NO_BUCKET = new Set(['NoSuchBucket', 'ContainerNotFound', 'ResourceNotFound', 'AccountNotFound']);

/** The Fault for such an answer. `lead` says what was being done; messages hold Flux's words. */
export function answerFault(session: BucketSession, answer: BucketAnswer, error: ErrorAnswer, lead: string): Fault {
  const { status, code } = error;
  const { bucket } = session.request;
  const said = [code, error.message].filter((text) => text !== '').join(': ');
  const detail = said === '' ? '' : ` (${said})`;
  if (status === 407) return new Fault('wire-proxy', `${lead}unexpected requesting, status code: 407`);
  if (NO_BUCKET.has(code)) return new Fault('source-not-found', `bucket '${bucket}' not found${detail}`);
  if (status === 401 || status === 403 || DENIED.has(code)) return denied(session, answer, error, { lead, detail });
  if (status === 429 || status >= 500 || THROTTLED.has(code)) {
    const retryAfterMs = retryAfter(answer.headers['retry-after'], session.ports.clock.now());
    const throttled = status === 429 || THROTTLED.has(code);
    const text = `${lead}the server answers with status code: ${status}${detail}`;
    return new Fault(throttled ? 'wire-throttled' : 'wire-server', text, { retryAfterMs });
  }
  if (status >= 300 && status < 400) {
    const to = hostOf(answer.headers['location'], answer.url);
    return new Fault(
      'wire-protocol',
      `${lead}the server sends us to ${to} (status code: ${status}), where credentials do not go: set spec.endpoint and spec.region to where the bucket is`,
    );
  }
  if (status === 404) return new Fault('source-not-found', `${lead}not found${detail}`);
  return new Fault('wire-protocol', `${lead}unexpected status code: ${status}${detail}`);
}

function denied(
  session: BucketSession,
  answer: BucketAnswer,
  error: ErrorAnswer,
  { lead, detail }: { readonly lead: string; readonly detail: string },
): Fault {
  const now = session.ports.clock.now();
  const theirs = Date.parse(answer.headers['date'] ?? '');
  const skewed = Number.isFinite(theirs) && Math.abs(theirs - now) > SKEW_MS;
  if (error.code === 'RequestTimeTooSkewed' || skewed) {
    const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');
    const server = Number.isFinite(theirs) ? `, the server's says ${time(theirs)}` : '';
    return new Fault(
      'source-auth',
      `${lead}Access Denied.${detail} The clock of this node says ${time(now)}${server}: signatures hold for 15 minutes only, so set the clock (NTP)`,
    );
  }
  return new Fault('source-auth', `${lead}Access Denied.${detail}`);
}

function hostOf(location: string | undefined, base: string): string {
  if (location === undefined || !URL.canParse(location, base)) return 'another address';
  return new URL(location, base).host;
}

/** The Fault for an answer of 200 that is not a storage server's. */
export function notStorage(lead: string, cause?: unknown): Fault {
  const why = cause instanceof Fault ? `: ${cause.message}` : '';
  return new Fault(
    'wire-protocol',
    `${lead}the answer is not a storage server's (a login page in between, or another service at this address?)${why}`,
    { cause },
  );
}

/** An etag without quotes. */
export function bareEtag(text: string): string {
  return text.replace(/^W\//, '').replace(/^"|"$/g, '');
}
