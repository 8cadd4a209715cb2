import { createHmac } from 'node:crypto';

/** An account of Azure Storage. Never logged. */
export interface SharedKey {
  readonly account: string;
  /** Base64, as the portal shows it. */
  readonly key: string;
}

export interface SharedKeyRequest {
  readonly method: string;
  /** As it is sent, percent-encoded. */
  readonly path: string;
  /** Not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

const STANDARD = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
];

/** The Authorization header of requests without a body (Azure Storage, "Authorize with Shared Key", 2015-02-21 and later). */
export function sharedKeyHeader(request: SharedKeyRequest, { account, key }: SharedKey): string {
  const own = Object.keys(request.headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${request.headers[name]}`);
  const query = Object.keys(request.query)
    .sort()
    .map((name) => `${name}:${request.query[name]}`);
  const resource = [`/${account}${request.path}`, ...query];
  const lines = [request.method, ...STANDARD.map((name) => request.headers[name] ?? ''), ...own, ...resource];
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(lines.join('\n'), 'utf8').digest('base64');
  return `SharedKey ${account}:${signature}`;
}
