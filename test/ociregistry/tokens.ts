import { createPrivateKey, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../support/certificates.ts';
import { PASSWORD, USER } from './registry.ts';

/** What was asked of a token server. */
export interface TokenAsked {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly service: string;
  /** User of basic auth, or `refresh` with an identity token; '' for anonymous. */
  readonly who: string;
}

/** A token server (distribution, "Token Authentication Specification") that signs for a registry which trusts it. */
export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly certPem: string;
  readonly asked: readonly TokenAsked[];
  /** Gives tokens to nobody, or to everybody, or to the user alone. */
  allow(who: 'nobody' | 'everybody' | 'user'): void;
  /** Seconds that tokens hold; default 300. `silent`: the answer does not tell. */
  life(seconds: number, how?: 'silent'): void;
  stop(): Promise<void>;
}

const ISSUER = 'token-test';
const SERVICE = 'registry-test';
/** What stands for a password where a registry gives identity tokens. */
export const IDENTITY_TOKEN = 'identity-of-robot';

export async function startTokenServer(): Promise<TokenServer> {
  const authority = createAuthority('token-authority');
  const own = authority.issue({ name: 'signer' });
  const asked: TokenAsked[] = [];
  let allowed: 'nobody' | 'everybody' | 'user' = 'user';
  let seconds = 300;
  let tells = true;
  const server = createServer((request, response) => {
    void readAsk(request).then(({ ask, ok }) => {
      asked.push(ask);
      if (allowed === 'nobody' || (allowed === 'user' && !ok)) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong user or password"}]}');
        return;
      }
      const token = tokenFor(ask.scopes, { seconds, keyPem: own.keyPem, certPem: own.certPem });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ token, access_token: token, ...(tells ? { expires_in: seconds } : {}) }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service: SERVICE,
    issuer: ISSUER,
    certPem: authority.certPem,
    asked,
    allow: (who) => {
      allowed = who;
    },
    life: (value, how) => {
      seconds = value;
      tells = how !== 'silent';
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function readAsk(request: IncomingMessage): Promise<{ readonly ask: TokenAsked; readonly ok: boolean }> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const post = request.method === 'POST';
  const url = new URL(request.url ?? '/', 'http://localhost');
  const query = post ? new URLSearchParams(Buffer.concat(parts).toString()) : url.searchParams;
  const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
  const encoded = (request.headers.authorization ?? '').replace('Basic ', '');
  const [user = '', password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
  const refreshed = post && query.get('refresh_token') === IDENTITY_TOKEN;
  const who = refreshed ? 'refresh' : user;
  return {
    ask: { method: request.method ?? '', scopes, service: query.get('service') ?? '', who },
    ok: refreshed || (user === USER && password === PASSWORD),
  };
}

interface Signing {
  readonly seconds: number;
  readonly keyPem: string;
  readonly certPem: string;
}

/** A JWT as the registry takes it: ES256, its certificate in the header. */
function tokenFor(scopes: readonly string[], { seconds, keyPem, certPem }: Signing): string {
  const der = certPem.replace(/-----[^-]+-----|\s/g, '');
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.flatMap((scope) => {
    const match = /^([^:]+):(.+):([^:]+)$/.exec(scope);
    return match === null ? [] : [{ type: match[1], name: match[2], actions: (match[3] ?? '').split(',') }];
  });
  const claims = {
    iss: ISSUER,
    aud: SERVICE,
    sub: USER,
    exp: now + seconds,
    nbf: now - 10,
    iat: now,
    jti: '1',
    access,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [der] })}.${encode(claims)}`;
  const key = createPrivateKey(keyPem);
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
