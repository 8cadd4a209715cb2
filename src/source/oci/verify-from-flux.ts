import { AGENT_ROOT, type DataObject, findSecret, type OCIRepository, TRUSTED_ROOT } from '../../flux/index.ts';
import { byCodeUnit, Fault, sha256 } from '../../model/index.ts';
import { secretText } from '../secrets.ts';
import type { OciVerify } from './request.ts';
import { verifyPhase } from './verified.ts';

/** What `spec.verify` asks for, with what its Secrets say; undefined when it asks for nothing. Throws `signature-keys`. */
export function ociVerifyOf(source: OCIRepository, data: readonly DataObject[]): OciVerify | undefined {
  const { verify } = source.spec;
  if (verify === undefined) return undefined;
  const { secretRef, provider } = verify;
  if (provider === 'notation') return notationOf(source, data);
  return secretRef === undefined ? keylessOf(source, data) : keyedOf(secretOf(provider, secretRef.name, source, data));
}

/** Public keys in a Secret: each `*.pub`, and one of them is enough. */
function keyedOf(secret: DataObject): OciVerify {
  const where = `Secret ${secret.namespace}/${secret.name}`;
  const names = [...secret.data.keys()].filter((key) => key.endsWith('.pub')).sort(byCodeUnit);
  if (names.length === 0) throw keysFault('cosign', `${where} has no public key: the names of keys end in .pub`);
  const keys = names.map((name) => ({ name: `${name} of ${where}`, pem: secretText(secret, name) ?? '' }));
  return {
    provider: 'cosign',
    form: 'cosign',
    key: sha256(JSON.stringify(keys.map(({ pem }) => pem))),
    check: async () => (await import('../../trust/artifact/index.ts')).keyedCheck(keys),
  };
}

/** Identities that certificates of Sigstore name. */
function keylessOf(source: OCIRepository, data: readonly DataObject[]): OciVerify {
  const provider = 'cosign keyless';
  const identities = source.spec.verify?.matchOIDCIdentity ?? [];
  if (identities.length === 0)
    throw keysFault(
      provider,
      'spec.verify names neither keys (secretRef) nor identities (matchOIDCIdentity): anybody could sign',
    );
  const root = trustedRootOf(source, data);
  return {
    provider,
    form: 'cosign',
    key: sha256(JSON.stringify([identities, root.text])),
    check: async () => (await import('../../trust/sigstore/index.ts')).keylessCheck(identities, root),
  };
}

interface RootText {
  /** Where it is from. */
  readonly name: string;
  readonly text: string;
}

/** The root of the Secret that it names, else the agent's own. */
function trustedRootOf(source: OCIRepository, data: readonly DataObject[]): RootText {
  const ref = source.spec.verify?.trustedRootSecretRef;
  if (ref !== undefined) return rootOfSecret(ref.name, source, data);
  const own = data.find(({ kind, name }) => kind === 'Secret' && name === AGENT_ROOT);
  const text = own === undefined ? undefined : secretText(own, TRUSTED_ROOT);
  if (own !== undefined && text !== undefined) return { name: own.origin, text };
  throw keysFault(
    'cosign keyless',
    'there is no trusted root of Sigstore: name a Secret in spec.verify.trustedRootSecretRef, or set verification.trustedRootFile in the AgentConfiguration; none is fetched',
  );
}

function rootOfSecret(name: string, source: OCIRepository, data: readonly DataObject[]): RootText {
  const place = `${source.meta.namespace}/${name}`;
  const secret = findSecret(name, source.meta.namespace, data);
  const text = secret === undefined ? undefined : secretText(secret, TRUSTED_ROOT);
  if (text !== undefined) return { name: `${TRUSTED_ROOT} of Secret ${place}`, text };
  const why = secret === undefined ? `secrets "${name}" not found` : `'${TRUSTED_ROOT}' not found in secret '${place}'`;
  throw keysFault('cosign keyless', `failed to read trusted root from secret '${place}': ${why}`);
}

const POLICY = 'trustpolicy.json';

/** A trust policy in a Secret, and the certificates that it trusts: each `*.crt` and `*.pem`. */
function notationOf(source: OCIRepository, data: readonly DataObject[]): OciVerify {
  const provider = 'notation';
  const name = source.spec.verify?.secretRef?.name;
  if (name === undefined)
    throw keysFault(provider, 'verification secret cannot be empty: name one in spec.verify.secretRef');
  const secret = secretOf(provider, name, source, data);
  const place = `${secret.namespace}/${secret.name}`;
  const policy = secretText(secret, POLICY);
  if (policy === undefined) throw keysFault(provider, `'${POLICY}' not found in secret '${place}'`);
  const certificates = [...secret.data]
    .filter(([key]) => /\.(?:crt|pem)$/.test(key))
    .sort(([a], [b]) => byCodeUnit(a, b))
    .map(([key, bytes]) => ({ name: key, bytes }));
  if (certificates.length === 0) throw keysFault(provider, `no certificates found in secret '${place}'`);
  const trust = { name: `Secret ${place}`, policy, certificates };
  return {
    provider,
    form: 'notation',
    key: sha256(JSON.stringify([policy, certificates.map(({ bytes }) => sha256(bytes))])),
    check: async ({ repository, now }) =>
      (await import('../../trust/notation/index.ts')).notationCheck(trust, repository, now),
  };
}

function secretOf(
  provider: OciVerify['provider'],
  name: string,
  source: OCIRepository,
  data: readonly DataObject[],
): DataObject {
  const found = findSecret(name, source.meta.namespace, data);
  if (found === undefined) throw keysFault(provider, `secrets "${name}" not found`);
  return found;
}

function keysFault(provider: OciVerify['provider'], why: string): Fault {
  const { lead, reason } = verifyPhase(provider);
  return new Fault('signature-keys', `${lead}: ${why}`, { reason });
}
