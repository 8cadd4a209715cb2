import type { DataObject, OCIRepository } from '../../flux/index.ts';
import { byCodeUnit, Fault, sha256 } from '../../model/index.ts';
import { secretText } from '../secrets.ts';
import type { OciVerify } from './request.ts';
import { verifyPhase } from './verified.ts';

/** What `spec.verify` asks for, with what its Secrets say; undefined when it asks for nothing. Throws `signature-keys`. */
export function ociVerifyOf(source: OCIRepository, data: readonly DataObject[]): OciVerify | undefined {
  const { verify } = source.spec;
  if (verify === undefined) return undefined;
  const { secretRef } = verify;
  // Others are refused by name (OCI_NOT_BUILT) before anything is asked.
  if (verify.provider !== 'cosign' || secretRef === undefined) throw keysFault('cosign', 'it names no public keys');
  return keyedOf(secretOf('cosign', secretRef.name, source, data));
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

function secretOf(
  provider: OciVerify['provider'],
  name: string,
  { meta: { namespace } }: OCIRepository,
  data: readonly DataObject[],
): DataObject {
  const found = data.find((one) => one.kind === 'Secret' && one.name === name && one.namespace === namespace);
  if (found === undefined)
    throw keysFault(provider, `failed to get secret '${namespace}/${name}': secrets "${name}" not found`);
  return found;
}

function keysFault(provider: OciVerify['provider'], why: string): Fault {
  const { lead, reason } = verifyPhase(provider);
  return new Fault('signature-keys', `${lead}: ${why}`, { reason });
}
