import {
  at,
  Fault,
  type FaultCode,
  fromJson,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  type Refusal,
  textAt,
} from '../../../src/model/index.ts';
import type { Link } from './credentials.ts';
import type { Answer } from './exchange.ts';
import { type Asked, allowRule, isRbac } from './rbac.ts';

export type { Asked } from './rbac.ts';

/** Longest message taken over from the API server, in characters. */
const MESSAGE_LENGTH = 4_096;
const MOST_CAUSES = 100;

/** Words by which the API server says that a field cannot change in place (Kubernetes 1.36 validation, CEL rules). */
const IMMUTABLE =
  /\bimmutable\b|may not change once set|cannot change roleRef|may not be changed in an update|updates may not change fields|updates to [\w .']+ are forbidden|updates to statefulset spec for fields other than/i;

/** The Status object of an answer; undefined when the body is none. */
export function statusOf(answer: Pick<Answer, 'body' | 'contentType'>): JsonObject | undefined {
  if (!answer.contentType.includes('json') || answer.body.byteLength > 1_048_576) return undefined;
  try {
    const body = fromJson(answer.body.toString('utf8'));
    return isObject(body) && body['kind'] === 'Status' ? body : undefined;
  } catch {
    return undefined;
  }
}

/** The Fault of an answer that is not a success. Its `cause` is the Status object where the server sent one. */
export function answerFault(answer: Answer, asked: Asked): Fault {
  const status = statusOf(answer);
  const said = clean(textAt(status, 'message') ?? plainText(answer), asked);
  const code = codeOf(answer, status, said, asked);
  const hint = code === 'cluster-denied' ? `; ${allowRule(said, asked)}` : '';
  const refusal: Refusal = { asked: REQUESTS[asked.verb] ?? 'other', reason: reasonOf(status), said: `${said}${hint}` };
  const why = refusal.reason !== '' && asked.verb.startsWith('apply') ? ` (${refusal.reason})` : '';
  return new Fault(code, `${describe(asked)}${why}: ${refusal.said}`, {
    refusal,
    ...(status === undefined ? {} : { cause: cleanStatus(status, asked) }),
    ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
  });
}

const REQUESTS: Readonly<Partial<Record<Asked['verb'], Refusal['asked']>>> = {
  apply: 'apply',
  'apply-dry-run': 'dry-run',
  delete: 'delete',
};

/** `Invalid`: why an object is refused, in the API server's own word; '' where it says none. */
function reasonOf(status: JsonObject | undefined): string {
  const reason = textAt(status, 'reason') ?? '';
  return /^[A-Za-z]+$/.test(reason) ? reason : '';
}

/** `apply Deployment/ns/web`. */
export function describe(asked: Asked): string {
  const parts = [asked.kind === '' ? asked.plural : asked.kind, asked.namespace, asked.name].filter((p) => p !== '');
  const sub = asked.subresource === undefined ? '' : `/${asked.subresource}`;
  return `${asked.verb === 'apply-dry-run' ? 'dry-run apply' : asked.verb} ${parts.join('/')}${sub}`;
}

function codeOf(answer: Answer, status: JsonObject | undefined, said: string, asked: Asked): FaultCode {
  switch (answer.status) {
    case 401:
      return 'cluster-auth';
    case 403:
      return isRbac(said) ? 'cluster-denied' : 'apply-refused';
    case 404:
      return missingCode(status);
    case 409:
      return 'apply-conflict';
    case 422:
      return refusedCode(said, asked);
    case 429:
      return 'cluster-unreachable';
    default:
      return answer.status >= 500 ? serverCode(answer, status, said) : clientCode(answer, status);
  }
}

function missingCode(status: JsonObject | undefined): FaultCode {
  const kind = textAt(status, 'details', 'kind');
  const name = textAt(status, 'details', 'name');
  if (kind === 'namespaces') return 'apply-refused';
  return name === undefined || name === '' ? 'kind-unknown' : 'apply-conflict';
}

function refusedCode(said: string, asked: Asked): FaultCode {
  // So answers a JSON patch whose `test` does not hold, or whose path is gone: someone else was there first.
  if (asked.verb === 'patch' && said === 'the server rejected our request due to an error in our request')
    return 'apply-conflict';
  return IMMUTABLE.test(said) ? 'apply-immutable' : 'apply-refused';
}

function serverCode(answer: Answer, status: JsonObject | undefined, said: string): FaultCode {
  if (/failed to create typed (patch|live) object|failed to convert|field not declared in schema/.test(said))
    return 'apply-refused';
  if (/failed calling webhook|conversion webhook|failed to call webhook/.test(said)) return 'cluster-api-down';
  // The aggregation layer speaks plain text when the server behind one API group does not answer.
  if (
    answer.status === 503 &&
    status === undefined &&
    /^(service unavailable|error trying to reach service)/.test(said)
  )
    return 'cluster-api-down';
  return 'cluster-unreachable';
}

function clientCode(answer: Answer, status: JsonObject | undefined): FaultCode {
  if (answer.status === 410) return 'cluster-unreachable';
  return status === undefined ? 'cluster-protocol' : 'apply-refused';
}

function plainText(answer: Answer): string {
  if (/html/i.test(answer.contentType)) return `HTTP ${answer.status} with a web page: is this the API server?`;
  const body = answer.body.subarray(0, 512).toString('utf8').trim();
  return body === '' ? `HTTP ${answer.status}` : body;
}

/** Bounds a message and takes values of Secrets out of it. */
function clean(said: string, asked: Asked): string {
  const bounded = said.length > MESSAGE_LENGTH ? `${said.slice(0, MESSAGE_LENGTH)}…` : said;
  if (asked.kind !== 'Secret') return bounded;
  return bounded
    .replace(/Invalid value: ("(?:[^"\\]|\\.)*"|\{.*?\}|[^:]*):/gs, 'Invalid value: <redacted>:')
    .replace(/got &?value\.valueUnstructured\{.*?\}/gs, 'got <redacted>')
    .replace(/Value:("(?:[^"\\]|\\.)*"|[^\s,}]*)/g, 'Value:<redacted>')
    .replace(/(illegal base64 data at input byte [0-9]+).*$/s, '$1');
}

/** A Status without values of Secrets, and without metadata that nobody reads. */
function cleanStatus(status: JsonObject, asked: Asked): JsonObject {
  const text = (value: Json | undefined): Json => (typeof value === 'string' ? clean(value, asked) : (value ?? null));
  const details = at(status, 'details');
  const causes = listAt(details, 'causes').slice(0, MOST_CAUSES);
  return {
    kind: 'Status',
    code: status['code'] ?? null,
    reason: status['reason'] ?? null,
    message: text(status['message']),
    details: {
      ...(isObject(details) ? details : {}),
      causes: causes.map((cause) => (isObject(cause) ? { ...cause, message: text(cause['message']) } : cause)),
    },
  };
}

/** True when the other side refused our certificate, or ours does not match its key: worth reading both again. */
export function isTlsRefusal(error: unknown): boolean {
  const code = codeText(error);
  return /^ERR_SSL_.*ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|.*CERTIFICATE.*)|KEY_VALUES_MISMATCH/.test(
    code,
  );
}

/** True for a kept-alive connection that was closed before it carried an answer. */
export function isStale(error: unknown): boolean {
  const origin = error instanceof Fault ? error.cause : error;
  const code = codeText(origin);
  return (
    (code === 'ECONNRESET' || code === 'EPIPE') &&
    typeof origin === 'object' &&
    origin !== null &&
    'reused' in origin &&
    origin.reused === true
  );
}

/** Any error of a connection as a Fault; Faults and reasons of an abort pass. */
export function connectionFault(error: unknown, link?: Pick<Link, 'host' | 'port'>): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = codeText(error);
  if (code === '' || code === 'ABORT_ERR') return error;
  const where = link === undefined ? 'API server' : `API server ${link.host}:${link.port}`;
  if (isTlsRefusal(error))
    return new Fault('cluster-auth', `${where} refuses the client certificate: ${error.message.trim()}`, {
      cause: error,
    });
  if (
    /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERROR_IN_CERT|ERR_TLS_CERT|HOSTNAME_|INVALID_|PATH_LENGTH)/.test(
      code,
    )
  )
    return new Fault(
      'cluster-unreachable',
      `the certificate of ${where} is not trusted (${code}): check certificate-authority in the kubeconfig, and the clock`,
      { cause: error },
    );
  if (code.startsWith('HPE_') || code.startsWith('ERR_SSL_'))
    return new Fault(
      'cluster-protocol',
      `${where} does not speak HTTPS as an API server does: ${error.message.trim()}`,
      {
        cause: error,
      },
    );
  return new Fault('cluster-unreachable', `${where}: ${code}`, { cause: error });
}

function codeText(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** A body that should be one JSON object. */
export function bodyObject(answer: Answer, what: string): JsonObject {
  if (!answer.contentType.includes('json'))
    throw new Fault('cluster-protocol', `${what}: the answer is ${answer.contentType || 'of no type'}, not JSON`);
  let body: Json;
  try {
    body = fromJson(answer.body.toString('utf8'));
  } catch (error) {
    throw new Fault('cluster-protocol', `${what}: the answer is not JSON`, { cause: error });
  }
  if (!isObject(body) || (at(body, 'metadata') !== undefined && !isObject(body['metadata'])))
    throw new Fault('cluster-protocol', `${what}: the answer is not a Kubernetes object`);
  return body;
}
