import { createPrivateKey, createSign, type KeyObject } from 'node:crypto';
import { type DataObject, findSecret, type GitRepository, keyOf, type SourceObject } from '../flux/index.ts';
import { Fault, type FaultCode, fromJson, type Json, type SourceKey, sha256, textAt } from '../model/index.ts';
import type { Clock, Wire, WireRequest } from '../ports/index.ts';
import { retryAfter } from './answers.ts';
import { gitRequestOf, MISCONFIGURED } from './from-flux.ts';
import { secretNamed } from './secrets.ts';

/** Tokens of GitHub Apps that are still good, by what they were asked with. */
export interface AppLogins {
  /**
   * The data of a GitRepository of provider `github`, its Secret replaced by a login with a token of the installation
   * that it names; any other's data as it is. Throws `secret-missing`, `secret-invalid`, `source-auth` and what the
   * wire throws.
   */
  login(source: SourceObject, data: readonly DataObject[], signal: AbortSignal): Promise<readonly DataObject[]>;
  /** The server refused: another token is asked for next time. */
  forget(source: SourceObject, data: readonly DataObject[]): void;
  /** A source (`Kind/namespace/name`) is gone: its token goes as well, unless others use it. */
  leave(user: SourceKey): void;
}

interface App {
  readonly id: string;
  readonly installation: string;
  readonly owner: string;
  readonly key: KeyObject;
  /** Without a slash at its end. */
  readonly api: string;
}

/** Bytes of an answer: it holds a token and the list of repositories that it is for. */
const MOST_BYTES = 1024 * 1024;
/** A token is not used so short before its end, milliseconds. */
const MARGIN_MS = 5 * 60_000;
/** Clocks may differ by so much; the login itself is used at once. Seconds. */
const DRIFT_S = 30;
const LOGIN_S = 120;
const GITHUB = 'https://api.github.com';
/** The user name that goes with a token of an installation. */
const USERNAME = 'x-access-token';

interface AppToken {
  readonly token: string;
  /** Wall clock, milliseconds since 1970: from then on another one is asked for. */
  readonly until: number;
  /** Sources that log in by it. */
  readonly users: Set<SourceKey>;
}

/** Tokens of so many Secrets are kept. */
const MOST_TOKENS = 256;

export function appLogins({ wire, clock }: { readonly wire: Wire; readonly clock: Clock }): AppLogins {
  const known = new Map<string, AppToken>();
  const keep = (key: string, token: AppToken): void => {
    // Secrets come and go: what has run out is let go of, and of many the oldest.
    for (const [other, { until }] of known) if (until <= clock.now() || known.size >= MOST_TOKENS) known.delete(other);
    known.set(key, token);
  };
  const leave = (user: SourceKey, but = ''): void => {
    for (const [key, { users }] of known) if (key !== but && users.delete(user) && users.size === 0) known.delete(key);
  };
  const idOf = ({ data }: DataObject): string =>
    sha256(JSON.stringify([...data].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])));
  return {
    login: async (source, data, signal) => {
      const { meta } = source;
      const user = keyOf(source);
      if (!asksForApp(source)) {
        leave(user);
        return data;
      }
      const { spec } = source;
      if (spec.secretRef === undefined) throw noApp('object-invalid');
      const secret = secretNamed(spec.secretRef.name, meta.namespace, data);
      if (![...secret.data.keys()].some((name) => name.startsWith('githubApp'))) throw noApp('secret-invalid');
      const key = idOf(secret);
      let found = known.get(key);
      if (found === undefined || clock.now() >= found.until) {
        const token = await tokenOf(appOf(secret), { source, data, signal }, { wire, clock });
        // Others may have asked by the same Secret meanwhile.
        found = { ...token, users: known.get(key)?.users ?? new Set() };
        keep(key, found);
      }
      found.users.add(user);
      leave(user, key);
      const login = new Map<string, Uint8Array>([
        ['username', Buffer.from(USERNAME)],
        ['password', Buffer.from(found.token)],
        ...[...secret.data].filter(([name]) => name === 'ca.crt'),
      ]);
      return data.map((one) => (one === secret ? { ...secret, data: login } : one));
    },
    forget: (source, data) => {
      const secret = asksForApp(source) ? secretOf(source, data) : undefined;
      if (secret !== undefined) known.delete(idOf(secret));
    },
    leave,
  };
}

const noApp = (code: FaultCode): Fault =>
  new Fault(code, 'secretRef with github app data must be specified when provider is set to github', {
    reason: MISCONFIGURED,
  });

const asksForApp = (source: SourceObject): source is GitRepository =>
  source.kind === 'GitRepository' && source.spec.provider === 'github';

const secretOf = ({ spec, meta }: GitRepository, data: readonly DataObject[]): DataObject | undefined =>
  findSecret(spec.secretRef?.name, meta.namespace, data);

function appOf(secret: DataObject): App {
  const isApp = (secret.data.get('githubAppID')?.length ?? 0) > 0;
  const refuse = (message: string): Fault =>
    new Fault(
      'secret-invalid',
      `Secret ${secret.namespace}/${secret.name}: ${message}`,
      isApp ? {} : { reason: MISCONFIGURED },
    );
  const text = (key: string): string =>
    Buffer.from(secret.data.get(key) ?? [])
      .toString('utf8')
      .trim();
  const [id, installation, owner] = ['githubAppID', 'githubAppInstallationID', 'githubAppInstallationOwner'].map(text);
  if (id === undefined || !/^[0-9]{1,20}$/.test(id)) throw refuse('githubAppID must be the number of the app');
  if (installation === undefined || owner === undefined || (installation === '') === (owner === ''))
    throw refuse('one of githubAppInstallationID and githubAppInstallationOwner is needed, and not both');
  if (installation !== '' && !/^[0-9]{1,20}$/.test(installation))
    throw refuse('githubAppInstallationID must be a number');
  if (owner !== '' && !/^[A-Za-z0-9-]{1,100}$/.test(owner)) throw refuse('githubAppInstallationOwner is no name');
  const api = (text('githubAppBaseURL') || GITHUB).replace(/\/+$/, '');
  const url = URL.canParse(api) ? new URL(api) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw refuse('githubAppBaseURL must be an http or https URL without credentials');
  return { id, installation, owner, api, key: privateKeyOf(text('githubAppPrivateKey'), refuse) };
}

function privateKeyOf(pem: string, refuse: (message: string) => Fault): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // What it says of the key is not for a message.
  }
  throw refuse('githubAppPrivateKey must be the RSA key of the app, as PEM');
}

interface Asking {
  readonly source: GitRepository;
  readonly data: readonly DataObject[];
  readonly signal: AbortSignal;
}

async function tokenOf(
  app: App,
  asking: Asking,
  { wire, clock }: { readonly wire: Wire; readonly clock: Clock },
): Promise<Omit<AppToken, 'users'>> {
  const now = clock.now();
  const ask = asker(asking, { app, jwt: jwtOf(app, now) }, { wire, clock });
  const id = app.installation === '' ? await installationOf(app, ask) : app.installation;
  const answer = await ask('POST', `/app/installations/${id}/access_tokens`);
  const token = textAt(answer.body, 'token') ?? '';
  if (answer.status !== 201 || !/^[\x21-\x7e]+$/.test(token)) throw refused(app, answer, `installation ${id}`);
  const expires = Date.parse(textAt(answer.body, 'expires_at') ?? '');
  return { token, until: Number.isNaN(expires) ? now : expires - MARGIN_MS };
}

interface ApiAnswer {
  readonly status: number;
  readonly body: Json;
  /** When to come again, where the server says so. */
  readonly retryAfterMs: number | undefined;
}

type Ask = (method: 'GET' | 'POST', path: string) => Promise<ApiAnswer>;

async function installationOf(app: App, ask: Ask): Promise<string> {
  let last: ApiAnswer = { status: 404, body: null, retryAfterMs: undefined };
  for (const kind of ['orgs', 'users']) {
    last = await ask('GET', `/${kind}/${app.owner}/installation`);
    const id = typeof last.body === 'object' && last.body !== null && 'id' in last.body ? last.body['id'] : undefined;
    if (last.status === 200 && typeof id === 'number') return String(id);
    if (last.status !== 404) break;
  }
  throw refused(app, last, `the installation of ${app.owner}`);
}

function refused(app: App, { status, body, retryAfterMs }: ApiAnswer, what: string): Fault {
  const said = (textAt(body, 'message') ?? '').slice(0, 200);
  const why = `${app.api} answered ${status}${said === '' ? '' : ` (${said})`}`;
  return new Fault(refusal(status, retryAfterMs), `GitHub App ${app.id}, ${what}: ${why}`, { retryAfterMs });
}

/** GitHub throttles with 403, too; then it says when to come again. */
function refusal(status: number, retryAfterMs: number | undefined): FaultCode {
  if (status >= 500) return 'wire-server';
  if (status === 429 || (status === 403 && retryAfterMs !== undefined)) return 'wire-throttled';
  return status === 200 || status === 201 ? 'wire-protocol' : 'source-auth';
}

function asker(
  { source, data, signal }: Asking,
  { app, jwt }: { readonly app: App; readonly jwt: string },
  { wire, clock }: { readonly wire: Wire; readonly clock: Clock },
): Ask {
  const { tls, proxy } = gitRequestOf(source, data, undefined);
  const { timeout } = source.spec;
  return async (method, path) => {
    const request: WireRequest = {
      method,
      url: `${app.api}${path}`,
      headers: { authorization: `Bearer ${jwt}`, accept: 'application/vnd.github+json', 'user-agent': 'holdfast' },
      ...(tls === undefined ? {} : { tls }),
      ...(proxy === undefined ? {} : { proxy }),
      limits: { totalMs: timeout, idleMs: timeout, maxBytes: MOST_BYTES },
      signal,
      redirects: 0,
    };
    const answer = await wire.send(request);
    const parts: Uint8Array[] = [];
    for await (const part of answer.body) parts.push(part);
    const retryAfterMs = retryAfter(answer.headers['retry-after'], clock.now());
    return { status: answer.status, body: jsonOf(Buffer.concat(parts).toString('utf8')), retryAfterMs };
  };
}

function jsonOf(text: string): Json {
  try {
    return fromJson(text);
  } catch {
    return null;
  }
}

/** A JSON Web Token of the app (RFC 7519, RS256), for one login. */
function jwtOf(app: App, now: number): string {
  const issued = Math.floor(now / 1_000) - DRIFT_S;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'RS256', typ: 'JWT' });
  const claims = part({ iat: issued, exp: issued + LOGIN_S, iss: app.id });
  const signature = createSign('RSA-SHA256').update(`${head}.${claims}`).sign(app.key).toString('base64url');
  return `${head}.${claims}.${signature}`;
}
