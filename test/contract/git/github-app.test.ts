import { createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../../agent/adapters/disk/index.ts';
import { createWire, type NodeWire } from '../../../agent/adapters/wire/index.ts';
import type { Workshop } from '../../../agent/loop/env.ts';
import { createWorkshop } from '../../../agent/workshop/index.ts';
import { openCache } from '../../../src/cache/index.ts';
import type { DataObject, GitRepository } from '../../../src/flux/index.ts';
import { DEFAULT_LIMITS, Fault } from '../../../src/model/index.ts';
import type { Log } from '../../../src/ports/index.ts';
import { type GitServer, type Repo, startGitServer } from '../../gitserver/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const PEM = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => log,
};

/** What an API of GitHub answers to an app: a token for who signs with its key. */
interface Api {
  readonly url: string;
  readonly asked: readonly string[];
  answer: { status?: number; body?: string; token: string; expiresAt: number };
  stop(): Promise<void>;
}

async function startApi(clock: ManualClock): Promise<Api> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(`${request.method} ${path}`);
    const [head = '', claims = '', signature = ''] = (request.headers.authorization ?? '').slice(7).split('.');
    const proven = createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url');
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const now = clock.now() / 1_000;
    const good = proven && iss === '7' && iat <= now && exp > now && exp - iat <= 600;
    const { status, body, token, expiresAt } = api.answer;
    const owner = path === '/users/shop/installation';
    if (!good) response.writeHead(401).end('{"message":"Bad credentials"}');
    else if (status !== undefined) response.writeHead(status).end(body);
    else if (owner) response.writeHead(200).end('{"id":42}');
    else if (path === '/app/installations/42/access_tokens')
      response.writeHead(201).end(JSON.stringify({ token, expires_at: new Date(expiresAt).toISOString() }));
    else response.writeHead(404).end('{"message":"Not Found"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api: Api = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: { token: 'ghs_first', expiresAt: clock.now() + 3_600_000 },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return api;
}

let dir: TempDir;
let git: GitServer;
let repo: Repo;
let wire: NodeWire;
let clock: ManualClock;
let api: Api;
let workshop: Workshop;

const source = (): GitRepository =>
  ({
    kind: 'GitRepository',
    meta: { namespace: 'apps', name: 'app', generation: 1, uid: '', requestedAt: '', annotations: {}, labels: {} },
    spec: {
      url: repo.url,
      provider: 'github',
      interval: 60_000,
      timeout: 10_000,
      ref: { branch: 'main' },
      secretRef: { name: 'app' },
      include: [],
      sparseCheckout: [],
      recurseSubmodules: false,
      suspend: false,
    },
  }) as unknown as GitRepository;

const secret = (more: Readonly<Record<string, string>> = {}): DataObject => {
  const keys = { githubAppID: '7', githubAppInstallationID: '42', githubAppPrivateKey: PEM, githubAppBaseURL: api.url };
  const data = Object.entries({ ...keys, ...more }).filter(([, text]) => text !== '');
  const bytes = data.map(([key, text]) => [key, Buffer.from(text)] as const);
  return { kind: 'Secret', name: 'app', namespace: 'apps', type: 'Opaque', data: new Map(bytes), origin: 'f' };
};

const fetch = async (data: readonly DataObject[] = [secret()]): Promise<string> => {
  const work = { source: source(), data, have: undefined, includes: [] };
  const outcome = await workshop.fetch(work, new AbortController().signal);
  return outcome.kind === 'unchanged' ? '' : outcome.content.revision;
};

const failing = async (data?: readonly DataObject[]): Promise<string> => {
  const error = await fetch(data).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Fault);
  const { code, message } = error as Fault;
  expect(message).not.toContain('PRIVATE');
  return `${code}: ${message}`;
};

describe('a GitRepository of provider github', () => {
  beforeEach(async () => {
    dir = await tempDir('app');
    git = await startGitServer();
    repo = await git.repo('app', { auth: { basic: { username: 'x-access-token', password: 'ghs_first' } } });
    await repo.commit({ 'a.yaml': 'a: 1\n' });
    wire = createWire({ proxyFor: () => undefined, headerBytes: 65_536 });
    clock = manualClock();
    api = await startApi(clock);
    const cache = openCache({ disk: createDisk(dir.path), limits: DEFAULT_LIMITS });
    const ssh = { hostKeyAlgorithms: [], kexAlgorithms: [] };
    const given = { wire, cache, clock, log, limits: DEFAULT_LIMITS };
    workshop = createWorkshop(given, { use: 'never', stateDir: dir.path, proxy: { http: '', https: '', no: [] }, ssh });
  });
  afterEach(async () => {
    await workshop.close();
    wire.close();
    await Promise.all([api.stop(), git.stop()]);
    await dir.remove();
  });

  it('is fetched with a token of the installation, which is asked for once until shortly before its end', async () => {
    expect(await fetch()).toMatch(/^main@sha1:/);
    await fetch();
    expect(api.asked).toEqual(['POST /app/installations/42/access_tokens']);
    await clock.advance(56 * 60_000);
    api.answer = { token: 'ghs_second', expiresAt: clock.now() + 3_600_000 };
    repo.setAuth({ basic: { username: 'x-access-token', password: 'ghs_second' } });
    await fetch();
    expect(api.asked).toHaveLength(2);
  });

  it('finds the installation by its owner', async () => {
    await fetch([secret({ githubAppInstallationID: '', githubAppInstallationOwner: 'shop' })]);
    expect(api.asked).toEqual([
      'GET /orgs/shop/installation',
      'GET /users/shop/installation',
      'POST /app/installations/42/access_tokens',
    ]);
  });

  it('asks for another token when the Git server refuses the one it has', async () => {
    await fetch();
    repo.setAuth({ basic: { username: 'x-access-token', password: 'ghs_second' } });
    api.answer = { token: 'ghs_second', expiresAt: clock.now() + 3_600_000 };
    expect(await failing()).toMatch(/^source-auth/);
    expect(await fetch()).toMatch(/^main@sha1:/);
  });

  it('says what is wrong with the Secret, and what the API answered', async () => {
    expect(await failing([])).toMatch(/^secret-missing/);
    const wrong = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
    for (const [more, says] of [
      [{ githubAppID: 'x' }, /secret-invalid: Secret apps\/app: githubAppID must be/],
      [
        { githubAppInstallationID: '' },
        /secret-invalid: .*one of githubAppInstallationID and githubAppInstallationOwner/,
      ],
      [{ githubAppInstallationOwner: 'shop' }, /secret-invalid: .*and not both/],
      [{ githubAppInstallationID: '42/../1' }, /secret-invalid: .*must be a number/],
      [{ githubAppPrivateKey: 'PRIVATE nonsense' }, /secret-invalid: .*must be the RSA key/],
      [{ githubAppBaseURL: 'ftp://x' }, /secret-invalid: .*githubAppBaseURL must be/],
      [{ githubAppInstallationID: '43' }, /source-auth: GitHub App 7, installation 43: .* answered 404 \(Not Found\)/],
      [
        { githubAppPrivateKey: wrong.export({ type: 'pkcs8', format: 'pem' }).toString() },
        /source-auth: .* answered 401 \(Bad credentials\)/,
      ],
    ] as const)
      expect(await failing([secret(more)])).toMatch(says);
  });

  it('takes hostile answers for what they are', async () => {
    const long = `{"token":"${'x'.repeat(2_000_000)}"}`;
    for (const [status, body, says] of [
      [201, '', /wire-protocol/],
      [201, '{"token":"a\\nb"}', /wire-protocol/],
      [201, '{"token":7}', /wire-protocol/],
      [201, '['.repeat(100_000), /wire-protocol/],
      [201, long, /source-bounds/],
      [503, '<html>', /wire-server/],
      [302, '', /source-auth/],
    ] as const) {
      api.answer = { ...api.answer, status, body };
      expect(await failing()).toMatch(says);
    }
  });
});
