import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BucketRequest } from '../../../src/source/bucket/index.ts';
import { sharedKeyHeader } from '../../../src/source/bucket/shared-key.ts';
import { ACCOUNT, type AzureServer, ensureAzureServer, startAzureServer } from '../../azureserver/index.ts';
import { bucketSite, closeWires } from './support.ts';

/** Why the emulator is not here; undefined when it is. */
const missing = await ensureAzureServer().then(
  () => undefined,
  (error: unknown) => String(error),
);
let azure: AzureServer;
const etags = new Map<string, string>();

beforeAll(async () => {
  if (missing === undefined) azure = await startAzureServer();
}, 400_000);

afterAll(async () => {
  closeWires();
  await azure?.stop();
});

const LOGIN: BucketRequest['login'] = { kind: 'shared-key', key: ACCOUNT };

/** A request that changes something, signed by the account. */
async function change(method: 'PUT' | 'DELETE', path: string, query: Record<string, string>, body = ''): Promise<void> {
  const headers: Record<string, string> = {
    'x-ms-date': new Date().toUTCString(),
    'x-ms-version': '2021-08-06',
    ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)), 'x-ms-blob-type': 'BlockBlob' }),
    ...(body === '' ? {} : { 'content-type': 'text/plain' }),
  };
  const full = `/${ACCOUNT.account}${path}`;
  const authorization = sharedKeyHeader({ method, path: full, query, headers }, ACCOUNT);
  const url = `http://127.0.0.1:${azure.port}${full}?${new URLSearchParams(query)}`;
  const answer = await fetch(url, { method, headers: { ...headers, authorization }, ...(body === '' ? {} : { body }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  etags.set(path, (answer.headers.get('etag') ?? '').replaceAll('"', ''));
}

const put = (path: string, body: string): Promise<void> => change('PUT', path, {}, body);

/** Flux's revision: each etag in hex of its letters. */
function revisionOf(container: string, keys: readonly string[]): string {
  const lines = [...keys].sort().map((key) => {
    const etag = etags.get(`/${container}/${encodeURIComponent(key).replaceAll('%2F', '/')}`) ?? '';
    return `${key} ${Buffer.from(etag).toString('hex')}\n`;
  });
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
}

async function container(name: string, objects: Readonly<Record<string, string>>): Promise<void> {
  await change('PUT', `/${name}`, { restype: 'container' });
  for (const [key, body] of Object.entries(objects))
    await put(`/${name}/${encodeURIComponent(key).replaceAll('%2F', '/')}`, body);
}

const OBJECTS = { 'apps/a.yaml': 'kind: A\n', 'apps/b c+ü.yaml': 'kind: B\n', 'root.yaml': 'kind: R\n' };

describe.skipIf(missing !== undefined)(`Azure Blob Storage${missing === undefined ? '' : `: ${missing}`}`, () => {
  it('a container is fetched by shared key, polled by one request, and a change by one GET', async () => {
    await container('one', OBJECTS);
    const site = bucketSite({
      provider: 'azure',
      bucket: 'one',
      endpoint: azure.url,
      login: LOGIN,
      prefix: 'ignored/',
    });
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 4 } });
    expect(site.files()).toEqual(Object.keys(OBJECTS).sort());
    expect(site.have?.revision).toBe(revisionOf('one', Object.keys(OBJECTS)));
    expect(await site.fetch()).toMatchObject({ kind: 'unchanged', count: { requests: 1 } });
    await put('/one/root.yaml', 'kind: R2\n');
    expect(await site.fetch()).toMatchObject({ kind: 'fetched', count: { requests: 2 } });
    expect(site.text('root.yaml')).toBe('kind: R2\n');
    await put('/one/.sourceignore', 'apps\n');
    await site.fetch();
    expect(site.files()).toEqual(['.sourceignore', 'root.yaml']);
  });

  it('a container is fetched by a shared access signature', async () => {
    await container('two', OBJECTS);
    const expiry = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    const fields = { sp: 'rl', st: '', se: expiry, spr: '', sv: '2020-12-06', sr: 'c' };
    const signed = [fields.sp, fields.st, fields.se, `/blob/${ACCOUNT.account}/two`, '', '', fields.spr, fields.sv];
    const text = [...signed, fields.sr, '', '', '', '', '', '', ''].join('\n');
    const sig = createHmac('sha256', Buffer.from(ACCOUNT.key, 'base64')).update(text).digest('base64');
    const query = new URLSearchParams({ sp: fields.sp, se: fields.se, sv: fields.sv, sr: fields.sr, sig }).toString();
    const site = bucketSite({ provider: 'azure', bucket: 'two', endpoint: azure.url, login: { kind: 'sas', query } });
    await site.fetch();
    expect(site.have?.revision).toBe(revisionOf('two', Object.keys(OBJECTS)));
  });

  it('what stands in the way is told in the words of Flux', async () => {
    const none = bucketSite({ provider: 'azure', bucket: 'none', endpoint: azure.url, login: LOGIN });
    expect(await none.fails()).toMatchObject({
      code: 'source-not-found',
      message: expect.stringContaining("bucket 'none' not found"),
    });
    const wrong = { kind: 'shared-key', key: { ...ACCOUNT, key: 'd3Jvbmc=' } } as const;
    await container('three', OBJECTS);
    const denied = { code: 'source-auth', reason: 'BucketOperationFailed' };
    const site = bucketSite({ provider: 'azure', bucket: 'three', endpoint: azure.url, login: wrong });
    expect(await site.fails()).toMatchObject(denied);
  });
});
