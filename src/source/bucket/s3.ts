import { Fault } from '../../model/index.ts';
import { bounded } from '../answers.ts';
import { answerFault, bareEtag, readError } from './answer.ts';
import type { BucketApi, Listed } from './api.ts';
import { objectLead } from './leads.ts';
import { conditionHeaders, OBJECT_STATUSES, objectAnswer } from './object.ts';
import { listed, pageParser, pageReader } from './page.ts';
import { isRegion, isVirtual, namedRegion, regionOf, s3Base } from './place.ts';
import type { BucketAnswer, BucketCall, BucketSession } from './session.ts';
import { amzDate, type BucketKeys, EMPTY_HASH, encodeS3, queryOf, signatureV4 } from './sigv4.ts';
import { onlyChild, textOf, type XmlElement } from './xml.ts';

/** S3 with Signature Version 4, also GCS by its XML API; without keys unsigned. `known`: a region learned before. */
export function s3Api(session: BucketSession, keys: BucketKeys | undefined, known: string): BucketApi {
  const { request } = session;
  let learned = isRegion(request, known) ? known : '';
  let region = namedRegion(request) || regionOf(request) || learned || 'us-east-1';
  const virtual = isVirtual(request);

  const send = async (what: S3Call): Promise<{ readonly answer: BucketAnswer; readonly lead: string }> => {
    for (let attempt = 0; ; attempt++) {
      const answer = await session.send(callOf(session, what, { keys, region, virtual }));
      if (what.fine.includes(answer.status)) return { answer, lead: what.lead };
      const error = await readError(answer);
      const other = error.region !== region && isRegion(request, error.region);
      if (other && attempt === 0 && REGION_STATUS.has(answer.status)) {
        region = error.region;
        learned = error.region;
        continue;
      }
      throw answerFault(session, answer, error, what.lead);
    }
  };
  const pages = pageReader(request.bucket);
  return {
    region: () => learned,
    listedAt: pages.listedAt,
    list: async (token) => {
      const lead = pages.lead();
      const query = queryOf({
        'encoding-type': 'url',
        'list-type': '2',
        ...(request.prefix === '' ? {} : { prefix: request.prefix }),
        ...(token === undefined ? {} : { 'continuation-token': token }),
      });
      const maxBytes = session.limits.bucketPageBytes;
      const { answer } = await send({ key: '', query, headers: GZIP, lead, maxBytes, fine: [200] });
      return pages.read(answer, token, pageOf);
    },
    open: async (key, condition, limit = 'objectBytes') => {
      const lead = objectLead(key);
      const headers = conditionHeaders(condition, (etag) => `"${etag}"`);
      const maxBytes = session.limits[limit];
      const { answer } = await send({ key, query: '', headers, lead, maxBytes, fine: OBJECT_STATUSES });
      return objectAnswer(session, { ...answer, body: bounded(answer.body, limit) }, lead);
    },
  };
}

/** Where a bucket is elsewhere, servers say so with one of these. */
const REGION_STATUS = new Set([301, 307, 400, 403]);
const GZIP = { 'accept-encoding': 'gzip' };

interface S3Call {
  /** '' for the bucket itself. */
  readonly key: string;
  readonly query: string;
  /** Not signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lead: string;
  readonly maxBytes: number;
  readonly fine: readonly number[];
}

function callOf(
  session: BucketSession,
  what: S3Call,
  how: { readonly keys: BucketKeys | undefined; readonly region: string; readonly virtual: boolean },
): BucketCall {
  const { request } = session;
  const { keys, region, virtual } = how;
  const base = s3Base(request, region, virtual);
  const path = `${virtual ? '' : `/${encodeS3(request.bucket)}`}/${encodeS3(what.key, true)}`;
  const now = session.ports.clock.now();
  const signed: Record<string, string> = {};
  if (keys !== undefined) {
    Object.assign(signed, { 'x-amz-content-sha256': EMPTY_HASH, 'x-amz-date': amzDate(now) });
    if (keys.sessionToken !== undefined) signed['x-amz-security-token'] = keys.sessionToken;
    const headers = { ...signed, host: new URL(base).host };
    const line = { method: 'GET', path, query: what.query, headers, bodyHash: EMPTY_HASH };
    signed['authorization'] = signatureV4(line, keys, { region, service: 's3', now });
  }
  return {
    url: `${base}${path}${what.query === '' ? '' : `?${what.query}`}`,
    headers: { ...signed, ...what.headers },
    tls: request.tls,
    maxBytes: what.maxBytes,
    follow: keys === undefined,
    lead: what.lead,
  };
}

const pageOf = pageParser((root) => {
  if (root.name !== 'ListBucketResult') throw new Fault('wire-protocol', `a <${root.name.slice(0, 40)}>`);
  const encoded = textOf(root, 'EncodingType') === 'url';
  const objects = root.children.flatMap((item): Listed[] => {
    if (item.name !== 'Contents') return [];
    const key = encoded ? decoded(textOf(item, 'Key')) : textOf(item, 'Key');
    return [listed(key, bareEtag(textOf(item, 'ETag')), textOf(item, 'Size'))];
  });
  return { objects, next: nextOf(root) };
});

/**
 * Where a listing goes on; undefined only where the server says that this is its end. What is missing from a listing is
 * pruned, so one that does not say so clearly counts as cut: Fault `wire-protocol`.
 */
function nextOf(root: XmlElement): string | undefined {
  const truncated = onlyChild(root, 'IsTruncated')?.text.trim() ?? '';
  const next = onlyChild(root, 'NextContinuationToken')?.text ?? '';
  if (truncated !== 'true' && truncated !== 'false')
    throw new Fault('wire-protocol', 'a listing that does not say whether it is whole (IsTruncated)');
  if ((truncated === 'true') !== (next !== ''))
    throw new Fault(
      'wire-protocol',
      truncated === 'true'
        ? 'a listing that goes on without saying where'
        : 'a listing that is whole and names what comes next',
    );
  // Some servers count too few here; too many means that some are missing.
  const said = Number(onlyChild(root, 'KeyCount')?.text ?? 0);
  const shown = root.children.filter(({ name }) => name === 'Contents' || name === 'CommonPrefixes').length;
  if (said > shown) throw new Fault('wire-protocol', `a listing that tells of ${said} keys and shows ${shown}`);
  return next === '' ? undefined : next;
}

/** Undoes `encoding-type=url`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new Fault('source-refused', `the key '${text.slice(0, 200)}' is not UTF-8: rename the object`);
  }
}
