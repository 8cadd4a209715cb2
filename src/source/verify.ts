import { type DataObject, findSecret, type GitRepository } from '../flux/index.ts';
import { Fault, type SourceRevision, sha256, type Verification } from '../model/index.ts';
import type { ContentReader } from '../ports/index.ts';
import type { PgpCheck, RevisionObjects, TrustedKeys } from '../trust/index.ts';
import { objectId, parseTag } from './git/index.ts';

export interface VerifierTools {
  readonly store: ContentReader;
  /** The revision before: what it proved with the same keys need not be proved again. */
  readonly have: SourceRevision | undefined;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  readonly pgp: PgpCheck;
}

/** Checks what `spec.verify` asks for; undefined when it asks for nothing. Throws `signature-keys` at once. */
export function verifierOf(
  source: GitRepository,
  data: readonly DataObject[],
  tools: VerifierTools,
): ((own: SourceRevision) => Promise<Verification>) | undefined {
  const { verify } = source.spec;
  if (verify === undefined) return undefined;
  const keys = keysOf(verify.secretRef.name, source.meta.namespace, data);
  const { mode } = verify;
  return async (own) => {
    const objects = objectsOf(own, tools.store);
    const key = sha256(
      JSON.stringify([mode, objects.commit.id, objects.tag?.name, objects.tag?.id, keys.ssh, keys.pgp]),
    );
    const before = tools.have?.verified;
    if (before?.key === key) return before;
    const { verifyRevision } = await import('../trust/index.ts');
    return { key, mode, message: await verifyRevision(objects, keys, { mode, now: tools.now, pgp: tools.pgp }) };
  };
}

function keysOf(name: string, namespace: string, data: readonly DataObject[]): TrustedKeys {
  const secret = findSecret(name, namespace, data);
  if (secret === undefined) throw new Fault('signature-keys', `public keys secret error: secrets "${name}" not found`);
  const ssh: string[] = [];
  const pgp: string[] = [];
  // Flux takes every other name for a PGP key ring.
  for (const key of [...secret.data.keys()].sort())
    (key.endsWith('.sshpub') ? ssh : pgp).push(Buffer.from(secret.data.get(key) ?? []).toString('utf8'));
  return { ssh, pgp };
}

/**
 * The commit and the tag of a revision, out of what it keeps: the commit, the tags in front of it (inner first), the
 * survey. That they hang together by their ids is checked again here: the signature of one must speak for all.
 */
function objectsOf(own: SourceRevision, store: ContentReader): RevisionObjects {
  const kept = own.keep.slice(0, -1).map((digest) => store.get(digest));
  const [commit, ...tags] = kept;
  const { commit: id = '', ref = '' } = own.metadata;
  if (commit === undefined || objectId('commit', commit) !== id)
    throw new Fault('source-corrupt', `commit ${id} is not the one that was fetched`);
  let below = id;
  for (const tag of tags) {
    if (parseTag(tag, below).object !== below) throw new Fault('source-corrupt', `a tag does not lead to commit ${id}`);
    below = objectId('tag', tag);
  }
  const name = /^refs\/tags\/(.+)$/.exec(ref)?.[1];
  const bytes = tags.at(-1);
  const tag = name === undefined ? undefined : { name, id: below, ...(bytes === undefined ? {} : { bytes }) };
  return { commit: { id, bytes: commit }, ...(tag === undefined ? {} : { tag }) };
}
