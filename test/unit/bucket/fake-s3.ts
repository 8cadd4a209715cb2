import { createHash } from 'node:crypto';
import type { FakeAnswer, FakeRequest, FakeServer } from '../../support/fake-wire.ts';

export interface FakeObject {
  readonly key: string;
  readonly body: string;
  /** Default: the MD5 of the body. */
  readonly etag?: string;
  /** Default: the body's length. */
  readonly size?: number;
}

export interface FakeS3 {
  objects: FakeObject[];
  readonly requests: FakeRequest[];
  /** Answers in place of the storage; undefined lets it answer. */
  instead: ((request: FakeRequest) => FakeAnswer | undefined) | undefined;
  readonly server: FakeServer;
  /** GETs of objects so far, by key. */
  gets(): readonly string[];
}

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** A listing as S3 writes it. */
export function listing(objects: readonly FakeObject[], next?: string): string {
  const rows = objects.map(
    ({ key, body, etag = md5(body), size = Buffer.byteLength(body) }) =>
      `<Contents><Key>${encodeURIComponent(key).replaceAll('%2F', '/')}</Key><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size></Contents>`,
  );
  const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
  return `<?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>${next !== undefined}</IsTruncated><EncodingType>url</EncodingType>${more}${rows.join('')}</ListBucketResult>`;
}

export const errorXml = (code: string, more = ''): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said</Message>${more}</Error>`;

/** An S3 server in a few lines: it lists and gives what is in `objects`. */
export function fakeS3(objects: FakeObject[] = []): FakeS3 {
  const state: FakeS3 = {
    objects,
    requests: [],
    instead: undefined,
    gets: () => state.requests.filter(({ path }) => !path.includes('?')).map(({ path }) => keyOf(path)),
    server: (request) => {
      state.requests.push(request);
      const answer = state.instead?.(request);
      if (answer !== undefined) return answer;
      const { path, headers } = request;
      if (path.includes('?')) return { parts: [listing(state.objects)] };
      const found = state.objects.findLast(({ key }) => key === keyOf(path));
      if (found === undefined) return { status: 404, parts: [errorXml('NoSuchKey')] };
      const etag = `"${found.etag ?? md5(found.body)}"`;
      if ((headers['if-match'] ?? etag) !== etag) return { status: 412, parts: [errorXml('PreconditionFailed')] };
      if (headers['if-none-match'] === etag) return { status: 304 };
      return { headers: { etag, 'content-length': String(Buffer.byteLength(found.body)) }, parts: [found.body] };
    },
  };
  return state;
}

const keyOf = (path: string): string => decodeURIComponent(path.replace(/^\/b\//, ''));
