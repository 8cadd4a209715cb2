import type { GitRef } from '../../flux/index.ts';
import { Fault } from '../../model/index.ts';
import type { RefQuery, ServerRef } from './refs.ts';
import { OID } from './refs.ts';

/** Which commit a `spec.ref` means. */
export interface Choice {
  /** Name part of the revision; '' for a commit alone. */
  readonly label: string;
  /** Object to ask for: a commit, or the tag object in front of it. */
  readonly want: string;
  /** The commit where the server told it. */
  readonly commit: string | undefined;
  /** Full name of the ref; undefined for a commit. */
  readonly ref: string | undefined;
}

/** A `spec.ref` that names a commit. */
export interface CommitPlan {
  readonly kind: 'commit';
  readonly choice: Choice;
  /** Branch in whose history it must be. */
  readonly branch: string | undefined;
}

/** How a `spec.ref` is turned into a commit: at once, or from a list of refs. */
export type Plan =
  | CommitPlan
  | {
      readonly kind: 'ask';
      readonly query: RefQuery;
      /** Best first; several where versions tie. */
      choose(refs: readonly ServerRef[]): readonly Choice[];
      missing: string;
    };

/** Reads a `spec.ref`. Precedence as Flux's code: commit, name, tag, semver, branch; without any, branch `master`. */
export async function planRef(ref: GitRef): Promise<Plan> {
  if (ref.commit !== undefined && ref.commit !== '') return byCommit(ref.commit.toLowerCase(), ref.branch);
  if (ref.name !== undefined && ref.name !== '')
    return byName(
      ref.name.replace(/\^\{\}$/, ''),
      ref.name,
      `unable to resolve ref '${ref.name}' to a specific commit: `,
    );
  if (ref.tag !== undefined && ref.tag !== '') return byName(`refs/tags/${ref.tag}`, ref.tag);
  if (ref.semver !== undefined && ref.semver !== '') return (await import('./semver.ts')).bySemver(ref.semver);
  const branch = ref.branch === undefined || ref.branch === '' ? 'master' : ref.branch;
  return byName(`refs/heads/${branch}`, branch);
}

function byCommit(commit: string, branch: string | undefined): Plan {
  if (!OID.test(commit)) throw commitMissing(commit);
  const label = branch ?? '';
  return {
    kind: 'commit',
    choice: { label, want: commit, commit, ref: undefined },
    branch: label === '' ? undefined : label,
  };
}

/** The Fault for a commit that the server does not have. */
export function commitMissing(commit: string): Fault {
  const shown = commit.replace(/[^\x21-\x7e]/g, '?').slice(0, 64);
  return new Fault('source-ref-missing', `unable to resolve commit object for '${shown}': object not found`);
}

function byName(name: string, label: string, lead = ''): Plan {
  return {
    kind: 'ask',
    query: { prefixes: [name], peel: !name.startsWith('refs/heads/'), keep: (found) => found === name },
    choose: (found) => found.map((ref) => choiceOf(ref, label)),
    missing: `${lead}couldn't find remote ref "${name}"`,
  };
}

/** A ref of the server as the choice. */
export function choiceOf(found: ServerRef, label: string): Choice {
  return { label, want: found.oid, commit: found.peeled ?? undefined, ref: found.name };
}
