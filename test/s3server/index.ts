import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { amzDate, encodeS3, signatureV4 } from '../../src/source/bucket/sigv4.ts';
import { createPart, whenReady } from '../controlplane/part.ts';
import { createAuthority } from '../support/certificates.ts';
import { startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';
import { ensureS3Server } from './ensure.ts';

export { ensureS3Server } from './ensure.ts';

export const REGION = 'us-east-1';

export interface S3ServerOptions {
  readonly tls?: boolean;
  /** Default `us-east-1`. */
  readonly region?: string;
}

/** A real S3 server (versitygw) on loopback, with one account that may do everything. */
export interface S3Server {
  readonly port: number;
  /** `127.0.0.1:PORT`. */
  readonly endpoint: string;
  /** PEM of the authority that signed its certificate; '' without TLS. */
  readonly caPem: string;
  readonly accessKey: string;
  readonly secretKey: string;
  createBucket(name: string): Promise<void>;
  put(bucket: string, key: string, body: string | Uint8Array, headers?: Record<string, string>): Promise<void>;
  remove(bucket: string, key: string): Promise<void>;
  /** Everybody may read and list. */
  makePublic(bucket: string): Promise<void>;
  /** SIGKILL; the port refuses until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Starts the server; it ends with this process. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const binary = await ensureS3Server();
  const { path: dir } = await tempDir('s3');
  const leash = startLeash(dir);
  const [port = 0] = await freePorts(1);
  const keys = { accessKey: 'holdfast', secretKey: 'not/a+secret for tests' };
  const authority = createAuthority('holdfast-test-s3');
  const endpoint = `127.0.0.1:${port}`;
  const region = options.region ?? REGION;
  await mkdir(join(dir, 'data'));
  const tls: string[] = [];
  if (options.tls === true) {
    const own = authority.issue({ name: 's3', hosts: ['127.0.0.1', 'localhost'] });
    await writeFile(join(dir, 'cert.pem'), own.certPem);
    await writeFile(join(dir, 'key.pem'), own.keyPem);
    tls.push('--cert', join(dir, 'cert.pem'), '--key', join(dir, 'key.pem'));
  }
  const account = ['--access', keys.accessKey, '--secret', keys.secretKey, '--region', region];
  const part = createPart({
    binary,
    args: [...account, '--port', endpoint, '--keep-alive', '--quiet', ...tls, 'posix', join(dir, 'data')],
    cwd: dir,
    changed: () => leash.hold(part.pid() === undefined ? [] : [part.pid() ?? 0]),
  });
  const call = (method: string, path: string, more: CallOptions = {}): Promise<Answer> =>
    send(
      { method, path, ...more },
      { endpoint, region, keys, ca: options.tls === true ? authority.certPem : undefined },
    );
  const must = async (method: string, path: string, more: CallOptions = {}): Promise<void> => {
    const { status, text } = await call(method, path, more);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  };
  const start = async (): Promise<void> => {
    part.start();
    await whenReady(part, 'versitygw', async () => (await call('GET', '/')).status === 200);
  };
  await start();
  const object = (bucket: string, key: string): string => `/${bucket}/${encodeS3(key, true)}`;
  return {
    port,
    endpoint,
    caPem: options.tls === true ? authority.certPem : '',
    ...keys,
    createBucket: (name) => must('PUT', `/${name}`, { headers: { 'x-amz-object-ownership': 'BucketOwnerPreferred' } }),
    put: (bucket, key, body, headers = {}) => must('PUT', object(bucket, key), { body: Buffer.from(body), headers }),
    remove: (bucket, key) => must('DELETE', object(bucket, key)),
    makePublic: (bucket) => {
      const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
      const Statement = [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject', 's3:ListBucket'], Resource }];
      const body = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement }));
      return must('PUT', `/${bucket}`, { query: 'policy=', body });
    },
    kill: () => part.kill(),
    start,
    stop: async () => {
      await part.kill();
      await leash.release();
    },
  };
}

interface CallOptions {
  readonly query?: string;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Account {
  readonly endpoint: string;
  readonly region: string;
  readonly keys: { readonly accessKey: string; readonly secretKey: string };
  readonly ca: string | undefined;
}

function send(what: CallOptions & { method: string; path: string }, account: Account): Promise<Answer> {
  const { method, path, query = '', body = Buffer.alloc(0), headers: more = {} } = what;
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const now = Date.now();
  const headers: Record<string, string> = {
    ...more,
    host: account.endpoint,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': amzDate(now),
  };
  const line = { method, path, query, headers, bodyHash };
  const authorization = signatureV4(line, account.keys, { region: account.region, service: 's3', now });
  const [host, port] = account.endpoint.split(':');
  const options = {
    host,
    port,
    method,
    path: query === '' ? path : `${path}?${query}`,
    headers: { ...headers, authorization, 'content-length': String(body.length) },
    ...(account.ca === undefined ? {} : { ca: account.ca }),
  };
  return new Promise((resolve, reject) => {
    const request = (account.ca === undefined ? httpRequest : httpsRequest)(options, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      resolve({ status: answer.statusCode ?? 0, text });
    });
    request.once('error', reject);
    request.end(body);
  });
}
