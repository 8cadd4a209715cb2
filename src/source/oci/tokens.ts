import { sha256 } from '../../model/index.ts';
import type { Clock } from '../../ports/index.ts';
import type { RegistryLogin } from './credentials.ts';
import type { OciPlace } from './reference.ts';

/** A token that a token server gave. Never logged, never written to a disk. */
export interface KeptToken {
  readonly authorization: string;
  /** When it is not used any more, milliseconds of `clock.monotonic()`. */
  readonly until: number;
  /** Sources that use it, as `Kind/namespace/name`. */
  readonly users: ReadonlySet<string>;
}

/** The token of one repository and login, kept between fetches. */
export interface TokenShelf {
  get(): string | undefined;
  /** `seconds`: how long it holds from now on. */
  keep(authorization: string, seconds: number): void;
  drop(): void;
}

/** As long before its end a token is not used any more: the request and a slow link take time. */
const MARGIN_MS = 10_000;
/** A token is renewed after a day, whatever its server says of it. */
const LONGEST_MS = 86_400_000;

/** Whose a token is. */
export interface TokenOwner {
  readonly place: OciPlace;
  readonly login: RegistryLogin | undefined;
  /** How it is asked for: who takes any server, or plain text, must not hand on what another one got otherwise. */
  readonly way: readonly unknown[];
  /** The source that asks, `Kind/namespace/name`. */
  readonly user: string;
}

/** What is kept in `kept` for this repository and login; with `undefined` nothing is. */
export function tokenShelf(kept: Map<string, KeptToken> | undefined, clock: Clock, owner: TokenOwner): TokenShelf {
  const { host, name: repository } = owner.place;
  const name = sha256(JSON.stringify([host, repository, owner.login, owner.way]));
  return {
    get: () => {
      const found = kept?.get(name);
      if (found === undefined || found.until <= clock.monotonic()) return undefined;
      if (!found.users.has(owner.user)) kept?.set(name, { ...found, users: new Set([...found.users, owner.user]) });
      return found.authorization;
    },
    keep: (authorization, seconds) => {
      const now = clock.monotonic();
      for (const [other, { until }] of kept ?? []) if (until <= now) kept?.delete(other);
      const ms = Math.min(seconds * 1000, LONGEST_MS) - MARGIN_MS;
      const users = new Set([...(kept?.get(name)?.users ?? []), owner.user]);
      if (ms > 0) kept?.set(name, { authorization, until: now + ms, users });
    },
    drop: () => void kept?.delete(name),
  };
}
