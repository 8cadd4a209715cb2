import { Fault } from '../../../src/model/index.ts';

const TLS_CODES = new Set([
  'EPROTO',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
]);

/** What is known about where in an exchange an error came up. */
export interface Place {
  /** `host:port` for messages; never holds credentials. */
  readonly target: string;
  /** True once the head of the answer was read. */
  readonly answered: boolean;
}

/** Any error of Node's sockets, TLS and HTTP parser as a Fault of the Wire port. Faults pass unchanged. */
export function wireFault(error: unknown, place: Place): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (isTls(code)) return new Fault('wire-tls', `${place.target}: tls: ${tlsText(code, text)}`, { cause: error });
  if (code === 'ERR_INVALID_CHAR')
    return new Fault('secret-invalid', `${place.target}: a token or header holds a character that cannot be sent`);
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Fault('source-bounds', `${place.target}: the answer's head is larger than limits.responseHeaderBytes`);
  if (code.startsWith('HPE_'))
    return new Fault('wire-protocol', `${place.target}: the answer is not HTTP: ${text}`, { cause: error });
  if (place.answered)
    return new Fault('wire-cut', `${place.target}: the connection was cut in the answer: unexpected EOF`, {
      cause: error,
    });
  return new Fault('wire-unreachable', `${place.target}: ${reachText(code, text)}`, { cause: error });
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

function isTls(code: string): boolean {
  return TLS_CODES.has(code) || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('CERT_');
}

function tlsText(code: string, text: string): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `failed to verify certificate: signed by unknown authority (${code})`;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return `failed to verify certificate: expired or not yet valid, check this device's clock too (${code})`;
    default:
      return `${text} (${code})`;
  }
}

function reachText(code: string, text: string): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_NODATA':
      return `no such host (${code})`;
    case 'EAI_AGAIN':
      return `the name cannot be looked up now (${code})`;
    case 'ECONNREFUSED':
      return `connection refused (${code})`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `the connection was closed before an answer: EOF (${code})`;
    case '':
      return text;
    default:
      return `no connection (${code})`;
  }
}

/** The Fault of a deadline that passed. */
export function timeoutFault(target: string, what: string, ms: number): Fault {
  return new Fault('wire-timeout', `${target}: ${what} within ${ms} ms: context deadline exceeded`);
}

/** What to throw for an aborted signal: its own reason when that is an error. */
export function abortError(signal: AbortSignal): unknown {
  return signal.reason instanceof Error ? signal.reason : new Fault('wire-cut', 'the exchange was cancelled');
}
