import type { Digest } from '../model/index.ts';
import type { Log } from '../ports/index.ts';

/** Something on the disk that is not what was written there. */
export interface Damage {
  /** The file, relative to stateDir. */
  readonly file: string;
  /** The content that cannot be read; undefined where it is the file itself. */
  readonly digest: Digest | undefined;
  /** For a person. */
  readonly message: string;
}

/** What is known to be damaged and not healed yet. */
export interface DamageBook {
  report(damage: Damage): void;
  /** A content was written again. */
  healed(digest: Digest): void;
  /** A file was written again or is gone. */
  fileGone(file: string): void;
  list(): readonly Damage[];
}

const REMEMBERED = 1_000;

/** An empty book; each damage is logged once. */
export function damageBook(log: Log | undefined): DamageBook {
  const known = new Map<string, Damage>();
  return {
    report: (damage) => {
      const key = `${damage.file} ${damage.digest ?? ''}`;
      if (known.has(key) || known.size >= REMEMBERED) return;
      known.set(key, damage);
      log?.error('cache-damaged', { file: damage.file, digest: damage.digest, message: damage.message });
    },
    healed: (digest) => {
      for (const [key, damage] of known) if (damage.digest === digest) known.delete(key);
    },
    fileGone: (file) => {
      for (const [key, damage] of known) if (damage.file === file) known.delete(key);
    },
    list: () => [...known.values()],
  };
}
