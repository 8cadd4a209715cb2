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
      return `failed to verify certificate: x509: certificate signed by unknown authority (${code})`;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return `failed to verify certificate: x509: certificate has expired or is not yet valid, check this device's clock too (${code})`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return `failed to verify certificate: x509: the certificate is for other names: ${oneLine(text)} (${code})`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return `first record does not look like a TLS handshake: does the server speak plain HTTP? (${code})`;
    default:
      return `${alertIn(code) ?? oneLine(text)} (${code})`;
  }
}

/** What the other side says that is wrong (RFC 8446, "Alert Protocol"), as its names are written elsewhere. */
function alertIn(code: string): string | undefined {
  const name = /^ERR_SSL_(?:SSL|TLS)(?:V1[0-3]?|V3)?_ALERT_(.+)$/.exec(code)?.[1];
  return name === undefined ? undefined : `remote error: tls: ${name.toLowerCase().replaceAll('_', ' ')}`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

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
  const time = ms < 1000 ? `${Math.round(ms)}ms` : `${Math.round(ms / 100) / 10}s`;
  return new Fault('wire-timeout', `${target}: ${what} within ${time}: context deadline exceeded`);
}

/** What to throw for an aborted signal: its own reason when that is an error. */
export function abortError(signal: AbortSignal): unknown {
  return signal.reason instanceof Error ? signal.reason : new Fault('wire-cut', 'the exchange was cancelled');
}
