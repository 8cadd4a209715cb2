import { Fault } from '../../model/index.ts';
import type { KeySource } from '../seal/index.ts';
import { openPgp } from './pgp.ts';

/** Private keys, and how they open what was encrypted to them. */
export interface KeyRing {
  /** For messages: which keys these are, such as `Secret apps/keys with 2 age keys`. */
  readonly what: string;
  /** The bytes inside an armored message; undefined when none of the keys opens it. */
  unwrap(kind: 'age' | 'pgp', armored: string): Promise<Uint8Array | undefined>;
}

/** An age message that holds a key is shorter by far. */
const MOST_WRAPPED_CHARS = 64 * 1024;

/**
 * The keys of a Secret or file: `*.agekey` holds age identities, one a line, and `*.asc` PGP keys. Throws
 * `decryption-failed` for what is no key, by its name and line.
 */
export function keyRing(source: KeySource): KeyRing {
  const identities = source.entries
    .filter(([name]) => name.endsWith('.agekey'))
    .flatMap(([name, bytes]) => identitiesIn(Buffer.from(bytes).toString('utf8'), `${source.name}: ${name}`));
  const armored = source.entries.filter(([name]) => name.endsWith('.asc'));
  const counts = [
    count(identities.length, 'age key'),
    armored.length > 0 ? count(armored.length, 'file of PGP keys', 'files of PGP keys') : '',
  ];
  const age = lazily(() => ageOpener(identities));
  const pgp = lazily(() => openPgp(armored.map(([name, bytes]) => ({ name: `${source.name}: ${name}`, bytes }))));
  return {
    what: `${source.name} (${counts.filter((text) => text !== '').join(', ')})`,
    unwrap: async (kind, text) => {
      if (text.length > MOST_WRAPPED_CHARS) return undefined;
      if (kind === 'age') return identities.length === 0 ? undefined : (await age())(text);
      return armored.length === 0 ? undefined : (await pgp())(text);
    },
  };
}

const count = (n: number, one: string, more = `${one}s`): string => `${n === 0 ? 'no' : n} ${n === 1 ? one : more}`;

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const IDENTITY = /^AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{40,400}$/;

function identitiesIn(text: string, where: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, i) => {
    if (line === '' || line.startsWith('#')) return [];
    if (IDENTITY.test(line)) return [line];
    const why = line.startsWith('AGE-PLUGIN-')
      ? 'age plugins are programs, and Holdfast runs none'
      : 'is no age identity (AGE-SECRET-KEY-1…, AGE-SECRET-KEY-PQ-1…)';
    throw new Fault('decryption-failed', `failed to import ${where}: line ${i + 1}: ${why}`);
  });
}

async function ageOpener(identities: readonly string[]): Promise<(armored: string) => Promise<Uint8Array | undefined>> {
  const { Decrypter, armor } = await import('age-encryption');
  const decrypters = identities.map((identity, i) => {
    const one = new Decrypter();
    try {
      one.addIdentity(identity);
    } catch {
      // The library's own message may show the key.
      throw new Fault('decryption-failed', `age identity ${i + 1} is damaged: its checksum does not fit`);
    }
    return one;
  });
  return async (armored) => {
    for (const decrypter of decrypters) {
      try {
        return await decrypter.decrypt(armor.decode(armored));
      } catch {
        // Another identity's, or damaged: in both cases these keys do not open it.
      }
    }
    return undefined;
  };
}
