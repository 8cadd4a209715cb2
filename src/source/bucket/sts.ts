import { Fault, sha256 } from '../../model/index.ts';
import { allOf } from '../answers.ts';
import { answerFault, notStorage, readError } from './answer.ts';
import type { BucketLogin, TemporaryKeys } from './request.ts';
import type { BucketSession } from './session.ts';
import { type BucketKeys, queryOf } from './sigv4.ts';
import { childOf, readXml, textOf } from './xml.ts';

/** Temporary keys are asked for anew when they hold for less than this. */
const MARGIN_MS = 5 * 60_000;
const ANSWER_BYTES = 65_536;

type Granted = Omit<TemporaryKeys, 'login'>;
type LdapLogin = Extract<BucketLogin, { kind: 'ldap' }>;

/** The keys to sign with; undefined without credentials. One request where they are temporary and run out. */
export async function keysOf(session: BucketSession): Promise<BucketKeys | undefined> {
  const { login, owner } = session.request;
  if (login.kind === 's3') return login.keys;
  if (login.kind !== 'ldap') return undefined;
  const { logins } = session.options;
  const kept = logins?.get(owner);
  const name = sha256(JSON.stringify(login));
  if (kept?.login === name && kept.until - MARGIN_MS > session.ports.clock.now()) return kept.keys;
  logins?.delete(owner);
  const fresh = { ...(await assumeRole(session, login)), login: name };
  logins?.set(owner, fresh);
  return fresh.keys;
}

/** AssumeRoleWithLDAPIdentity, as MinIO documents it. */
async function assumeRole(session: BucketSession, login: LdapLogin): Promise<Granted> {
  const lead = `failed to get credentials from '${new URL(login.endpoint).host}': `;
  const body = queryOf({
    Action: 'AssumeRoleWithLDAPIdentity',
    LDAPPassword: login.password,
    LDAPUsername: login.username,
    Version: '2011-06-15',
  });
  const answer = await session.send({
    method: 'POST',
    url: login.endpoint,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(body, 'utf8'),
    tls: login.tls,
    maxBytes: ANSWER_BYTES,
    follow: false,
    lead,
  });
  try {
    if (answer.status !== 200) throw answerFault(session, answer, await readError(answer), lead);
    return temporaryKeys((await allOf(answer.body)).toString('utf8'), lead, session.ports.clock.now());
  } finally {
    answer.close();
  }
}

function temporaryKeys(text: string, lead: string, now: number): Granted {
  let keys: BucketKeys;
  let until: number;
  try {
    const result = childOf(readXml(text, { depth: 8, elements: 200 }), 'AssumeRoleWithLDAPIdentityResult');
    const found = childOf(result, 'Credentials');
    const [accessKey, secretKey] = [textOf(found, 'AccessKeyId'), textOf(found, 'SecretAccessKey')];
    if (accessKey === '' || secretKey === '') throw new Fault('wire-protocol', 'no keys in it');
    const sessionToken = textOf(found, 'SessionToken');
    keys = { accessKey, secretKey, ...(sessionToken === '' ? {} : { sessionToken }) };
    until = Date.parse(textOf(found, 'Expiration'));
  } catch (error) {
    throw notStorage(lead, error);
  }
  return { keys, until: Number.isNaN(until) ? now : until };
}
