import { Fault } from '../../model/index.ts';

/** A file of private keys, armored or binary. */
export interface PgpFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is used of the `openpgp` package. */
type OpenPgp = typeof import('openpgp');

/** Opens messages with private PGP keys. The library is loaded by the first call. */
export async function openPgp(
  files: readonly PgpFile[],
): Promise<(armored: string) => Promise<Uint8Array | undefined>> {
  const pgp = await import('openpgp').catch(() => undefined);
  if (pgp === undefined)
    throw new Fault('decryption-failed', 'PGP keys cannot be used: openpgp.cjs is not beside the program');
  const keys = (await Promise.all(files.map((file) => keysOf(file, pgp)))).flat();
  return async (armored) => {
    try {
      const message = await pgp.readMessage({ armoredMessage: armored });
      const { data } = await pgp.decrypt({ message, decryptionKeys: keys, format: 'binary', config: QUIET });
      return data as Uint8Array;
    } catch {
      // Encrypted to others, or damaged: in both cases these keys do not open it.
      return undefined;
    }
  };
}

/** Keys of old files stay useful: a data key is 32 random bytes, whatever its envelope is worth as a signature. */
const QUIET = { showVersion: false, showComment: false, allowInsecureDecryptionWithSigningKeys: false } as const;

async function keysOf(
  { name, bytes }: PgpFile,
  pgp: OpenPgp,
): Promise<Awaited<ReturnType<OpenPgp['readPrivateKeys']>>> {
  let keys: Awaited<ReturnType<OpenPgp['readPrivateKeys']>>;
  try {
    const text = Buffer.from(bytes).toString('utf8');
    keys = text.includes('-----BEGIN PGP')
      ? await pgp.readPrivateKeys({ armoredKeys: text })
      : await pgp.readPrivateKeys({ binaryKeys: Uint8Array.from(bytes) });
  } catch {
    throw new Fault('decryption-failed', `failed to import ${name}: is no private PGP key`);
  }
  if (keys.some((key) => !key.isDecrypted()))
    throw new Fault('decryption-failed', `failed to import ${name}: the key has a passphrase; export it without one`);
  return keys;
}
