import type { Verdict } from './sshsig.ts';

/** A check of an OpenPGP signature; plain data, so that another process can do it. */
export interface PgpJob {
  readonly armored: string;
  readonly payload: Uint8Array;
  /** Armored public keys, each a text of a Secret. */
  readonly rings: readonly string[];
  /** Milliseconds since 1970: keys must be valid now, as in Flux. */
  readonly now: number;
}

export type PgpCheck = (job: PgpJob) => Promise<Verdict>;

type OpenPgp = typeof import('openpgp');
type Key = Awaited<ReturnType<OpenPgp['readKeys']>>[number];

const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;

/** Checks a detached signature. Loads a library of 13 MiB: not for a process that stays. */
export const verifyPgp: PgpCheck = async (job) => {
  const pgp = await import('openpgp').catch(() => undefined);
  if (pgp === undefined) return no('PGP signatures cannot be checked: openpgp.cjs is not beside the program');
  const keys: Key[] = [];
  let unread = '';
  for (const ring of job.rings)
    for (const armoredKeys of ring.match(BLOCK) ?? [ring])
      try {
        keys.push(...(await pgp.readKeys({ armoredKeys })));
      } catch (error) {
        unread ||= `unable to read armored key ring: ${wordsOf(error)}`;
      }
  if (keys.length === 0 && unread !== '') return no(unread);
  try {
    return await check(pgp, job, keys);
  } catch (error) {
    return no(`the PGP signature cannot be read: ${wordsOf(error)}`);
  }
};

async function check(pgp: OpenPgp, job: PgpJob, keys: readonly Key[]): Promise<Verdict> {
  const signature = await pgp.readSignature({ armoredSignature: job.armored });
  if (signature.packets.length !== 1) return no('it holds more than one PGP signature, or none');
  const date = new Date(job.now);
  const message = await pgp.createMessage({ binary: Buffer.from(job.payload) });
  const { signatures } = await pgp.verify({ message, signature, verificationKeys: [...keys], date });
  const [only] = signatures;
  if (only === undefined) return no('it holds no PGP signature');
  const signer = only.keyID.toHex().toUpperCase();
  const key = keys.find((one) => one.getKeys(only.keyID).length > 0);
  if (key === undefined) return no(`${NONE}: it is signed by ${signer}, which is none of them`);
  try {
    await only.verified;
    // A key that has expired or was revoked since does not count any more.
    await key.getSigningKey(only.keyID, date);
  } catch (error) {
    return no(`${NONE}: signature by ${signer}: ${wordsOf(error)}`);
  }
  return { ok: true, key: key.getKeyID().toHex().toUpperCase() };
}

const NONE = 'unable to verify payload with any of the given key rings';

const no = (why: string): Verdict => ({ ok: false, why });

const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : 'unreadable').replace(/[^\x20-\x7e]/g, ' ').slice(0, 200);
