import { Fault } from '../../model/index.ts';
import { bounded } from '../answers.ts';
import { answerFault, bareEtag, readError } from './answer.ts';
import type { BucketApi, Listed } from './api.ts';
import { objectLead } from './leads.ts';
import { conditionHeaders, OBJECT_STATUSES, objectAnswer } from './object.ts';
import { listed, pageParser, pageReader } from './page.ts';
import { azureBase } from './place.ts';
import type { BucketAnswer, BucketCall, BucketSession } from './session.ts';
import { sharedKeyHeader } from './shared-key.ts';
import { encodeS3, queryOf } from './sigv4.ts';
import { childOf, onlyChild, textOf } from './xml.ts';

/** Version of the service's protocol. */
const VERSION = '2021-08-06';
const PAGE = '1000';

/** Azure Blob Storage (REST, "List Blobs" and "Get Blob"), by shared key, SAS or without either. `prefix` is not sent, as in Flux. */
export function azureApi(session: BucketSession): BucketApi {
  const { request, limits } = session;
  const pages = pageReader(request.bucket);
  const send = async (what: AzureCall): Promise<BucketAnswer> => {
    const answer = await session.send(callOf(session, what));
    if (what.fine.includes(answer.status)) return answer;
    throw answerFault(session, answer, await readError(answer), what.lead);
  };
  return {
    region: () => '',
    listedAt: pages.listedAt,
    list: async (token) => {
      const lead = pages.lead();
      const query = {
        comp: 'list',
        restype: 'container',
        maxresults: PAGE,
        ...(token === undefined ? {} : { marker: token }),
      };
      const headers = { 'accept-encoding': 'gzip' };
      const answer = await send({ key: '', query, headers, lead, maxBytes: limits.bucketPageBytes, fine: [200] });
      return pages.read(answer, token, pageOf);
    },
    open: async (key, condition, limit = 'objectBytes') => {
      const lead = objectLead(key);
      const headers = conditionHeaders(condition, (etag) => `"${Buffer.from(etag, 'hex').toString('utf8')}"`);
      const what = { key, query: {}, headers, lead, maxBytes: limits[limit], fine: OBJECT_STATUSES };
      const answer = await send(what);
      const got = await objectAnswer(session, { ...answer, body: bounded(answer.body, limit) }, lead);
      return got.kind === 'found' ? { ...got, etag: hexEtag(got.etag) } : got;
    },
  };
}

interface AzureCall {
  /** '' for the container itself. */
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly lead: string;
  readonly maxBytes: number;
  readonly fine: readonly number[];
}

function callOf(session: BucketSession, what: AzureCall): BucketCall {
  const { request } = session;
  const { login } = request;
  const base = azureBase(request.endpoint);
  const folder = base.pathname.replace(/\/+$/, '');
  const path = `${folder}/${encodeS3(request.bucket)}${what.key === '' ? '' : `/${encodeS3(what.key, true)}`}`;
  const date = new Date(session.ports.clock.now()).toUTCString();
  const headers: Record<string, string> = { 'x-ms-date': date, 'x-ms-version': VERSION, ...what.headers };
  if (login.kind === 'shared-key')
    headers['authorization'] = sharedKeyHeader({ method: 'GET', path, query: what.query, headers }, login.key);
  const fields = [queryOf(what.query), login.kind === 'sas' ? login.query : ''].filter((text) => text !== '');
  return {
    url: `${base.origin}${path}${fields.length === 0 ? '' : `?${fields.join('&')}`}`,
    headers,
    tls: request.tls,
    maxBytes: what.maxBytes,
    follow: login.kind === 'none',
    lead: what.lead,
  };
}

/** As Flux writes it: each letter in hex. */
const hexEtag = (etag: string): string => Buffer.from(etag, 'utf8').toString('hex');

const pageOf = pageParser((root) => {
  const blobs = onlyChild(root, 'Blobs');
  if (root.name !== 'EnumerationResults' || blobs === undefined)
    throw new Fault('wire-protocol', `a <${root.name.slice(0, 40)}>`);
  const objects = blobs.children.flatMap((blob): Listed[] => {
    if (blob.name !== 'Blob') return [];
    const name = childOf(blob, 'Name');
    const key = name?.attributes.get('Encoded') === 'true' ? decoded(name.text) : (name?.text ?? '');
    const facts = childOf(blob, 'Properties');
    return [listed(key, hexEtag(bareEtag(textOf(facts, 'Etag'))), textOf(facts, 'Content-Length'))];
  });
  const next = onlyChild(root, 'NextMarker')?.text;
  // It is there and empty at the end; without it nobody has said that this is all.
  if (next === undefined) throw new Fault('wire-protocol', 'a listing that does not say whether it is whole');
  return { objects, next: next === '' ? undefined : next };
});

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new Fault('wire-protocol', 'a name that cannot be decoded', { cause: error });
  }
}
