import { Fault, fromJson, isObject, type Json, type JsonObject } from '../../model/index.ts';
import { shown } from '../artifact/types.ts';
import { isSubset, type Names, parseNames } from './names.ts';

/** What a trust policy of the Notary Project (version 1.0) says of one repository. */
export interface TrustPolicy {
  readonly name: string;
  /** Kinds of its trust stores. */
  readonly stores: ReadonlySet<StoreKind>;
  /** Subjects that may sign; undefined for every one that the stores vouch for. */
  readonly identities: readonly Names[] | undefined;
  /** What must hold besides authenticity, which always must. */
  readonly enforced: ReadonlySet<Enforced>;
  /** Timestamps are asked for only once a certificate has run out. */
  readonly timestampLater: boolean;
}

export type StoreKind = 'ca' | 'signingAuthority' | 'tsa';
export type Enforced = 'authenticTimestamp' | 'expiry' | 'revocation';

const STORES: readonly string[] = ['ca', 'signingAuthority', 'tsa'];
const ALL: readonly Enforced[] = ['authenticTimestamp', 'expiry', 'revocation'];
const LEVELS: Readonly<Record<string, readonly Enforced[]>> = { strict: ALL, permissive: [], audit: [] };
const MOST_STATEMENTS = 100;
const LONGEST = 256 * 1024;

/** The statement for a repository, `HOST/NAME`: its own, else that of `*`. Fault `signature-keys`. */
export function trustPolicyFor(text: string, repository: string, where: string): TrustPolicy {
  const fault = (why: string): Fault => new Fault('signature-keys', `${where}: ${why}`);
  const statements = statementsOf(text, fault);
  const scoped = (scope: string): readonly JsonObject[] =>
    statements.filter((one) => textsOf(one['registryScopes'])?.includes(scope) === true);
  const [own, wide] = [scoped(repository), scoped('*')];
  if (own.length > 1 || wide.length > 1) throw fault('two of its statements are for one scope');
  const one = own[0] ?? wide[0];
  if (one === undefined) throw fault(`no statement of it is for ${repository}, and none for *`);
  const policy = policyOf(one);
  if (typeof policy === 'string') throw fault(`statement ${shown(String(one['name']))}: ${policy}`);
  return policy;
}

function statementsOf(text: string, fault: (why: string) => Fault): readonly JsonObject[] {
  let value: Json;
  try {
    if (text.length > LONGEST) throw new Error('too long');
    value = fromJson(text);
  } catch {
    throw fault('it is not the JSON of a trust policy');
  }
  if (!isObject(value) || value['version'] !== '1.0') throw fault('it is not a trust policy of version 1.0');
  const listed = value['trustPolicies'];
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MOST_STATEMENTS)
    throw fault('it has no statements, or too many');
  const statements = (listed as readonly Json[]).filter((one) => isObject(one));
  const names = new Set(statements.map((one) => one['name']).filter((name) => typeof name === 'string' && name !== ''));
  if (names.size !== listed.length) throw fault('a statement of it has no name, or that of another');
  return statements;
}

function policyOf(one: JsonObject): TrustPolicy | string {
  const { signatureVerification: verification, trustStores, trustedIdentities } = one;
  if (!isObject(verification)) return 'it has no signatureVerification';
  const { level, override, verifyTimestamp } = verification;
  if (level === 'skip') return 'its level is skip, by which nothing is verified: take spec.verify away instead';
  const base = typeof level === 'string' && Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined;
  if (base === undefined) return 'its level is none of strict, permissive and audit';
  const enforced = overridden(base, override);
  if (typeof enforced === 'string') return enforced;
  if (verifyTimestamp !== undefined && verifyTimestamp !== 'always' && verifyTimestamp !== 'afterCertExpiry')
    return 'its verifyTimestamp is neither always nor afterCertExpiry';
  const stores = storesOf(trustStores);
  const identities = identitiesOf(trustedIdentities);
  if (typeof stores === 'string') return stores;
  if (typeof identities === 'string') return identities;
  return {
    name: String(one['name']),
    stores,
    identities: identities.length === 0 ? undefined : identities,
    enforced,
    timestampLater: verifyTimestamp === 'afterCertExpiry',
  };
}

function overridden(base: readonly Enforced[], override: Json | undefined): ReadonlySet<Enforced> | string {
  const enforced = new Set(base);
  if (override === undefined) return enforced;
  if (!isObject(override)) return 'its override is not a map';
  for (const [key, action] of Object.entries(override)) {
    // That somebody else has signed is never let pass.
    if (key === 'authenticity' && (action === 'log' || action === 'enforce')) continue;
    const known = ALL.find((one) => one === key);
    const fits = action === 'enforce' || action === 'log' || (action === 'skip' && key === 'revocation');
    if (known === undefined || !fits) return `its override of ${shown(key)} is not known`;
    if (action === 'enforce') enforced.add(known);
    else enforced.delete(known);
  }
  return enforced;
}

function storesOf(value: Json | undefined): ReadonlySet<StoreKind> | string {
  const texts = textsOf(value);
  if (texts === undefined || texts.length === 0) return 'it names no trustStores';
  const kinds = texts.map((text) => (/^([A-Za-z]+):[A-Za-z0-9_.-]+$/.exec(text)?.[1] ?? '') as StoreKind);
  if (kinds.some((kind) => !STORES.includes(kind))) return 'one of its trustStores is not KIND:NAME of a known kind';
  return new Set(kinds);
}

/** Empty for `*`. */
function identitiesOf(value: Json | undefined): readonly Names[] | string {
  const texts = textsOf(value);
  if (texts === undefined || texts.length === 0) return 'it names no trustedIdentities';
  if (texts.includes('*')) return texts.length === 1 ? [] : 'its trustedIdentities are * and others';
  const all: Names[] = [];
  for (const text of texts) {
    const subject = /^x509\.subject:(.+)$/s.exec(text)?.[1];
    const names = subject === undefined ? 'it does not begin with x509.subject:' : parseNames(subject);
    if (typeof names === 'string') return `trusted identity ${shown(text)}: ${names}`;
    if (all.some((other) => isSubset(other, names) || isSubset(names, other)))
      return `trusted identity ${shown(text)}: another one says the same or more`;
    all.push(names);
  }
  return all;
}

function textsOf(value: Json | undefined): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = (value as readonly Json[]).filter((one) => typeof one === 'string');
  return texts.length === value.length ? texts : undefined;
}
