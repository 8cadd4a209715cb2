import { type Digest, Fault, printable, type SourceRevision, sha256, type Verification } from '../../model/index.ts';
import type { FoundSignature, SignatureCheck, SignedSubject } from '../../trust/artifact/index.ts';
import { during, type Phase } from './faults.ts';
import { decodeProof, encodeProof } from './proof.ts';
import type { OciSession, OciVerify } from './request.ts';
import type { Found, Target } from './resolve.ts';
import { type Candidate, findSignatures } from './signatures.ts';

/** That the signatures of an artifact hold. */
export interface Proven {
  readonly verified: Verification;
  /** Digests of what is to be kept with the revision for it. */
  readonly keep: readonly Digest[];
  /** What is to be stored of that; undefined when it is here already. */
  readonly proof: Uint8Array | undefined;
}

/** Signatures by the digest that they are of, within the scope of a repository. */
export const signaturesAlias = (digest: Digest): string => `signatures:${digest}`;

/**
 * Proves what `spec.verify` asks for; undefined when it asks for nothing. What was proven with the same keys is not proven
 * again, and what is on this disk is looked at before the registry is asked. Faults `signature-invalid`, `signature-keys`,
 * and those of the way to the registry, in Flux's words.
 */
export async function prove(session: OciSession, target: Target, found: Found): Promise<Proven | undefined> {
  const { verify, have } = session.request;
  if (verify === undefined) return undefined;
  const key = sha256(JSON.stringify([verify.provider, target.digest, verify.key]));
  const verified: Verification = { key, mode: '', message: `verified signature of revision ${target.revision}` };
  if (have?.verified?.key === key) return { verified, keep: proofOf(have, found), proof: undefined };
  const phase: Phase = verifyPhase(verify.provider);
  return during(phase, async () => {
    const { place, ports } = session;
    const check = await verify.check({ repository: `${place.host}/${place.name}`, now: ports.clock.now() });
    const subject: SignedSubject = { digest: target.digest, bytes: found.served[0]?.bytes ?? new Uint8Array() };
    const stored = storedProof(session, target.digest);
    if (stored?.found.some((one) => check(one, subject).ok) === true)
      return { verified, keep: [stored.digest], proof: undefined };
    const proof = encodeProof(await fetchProof(session, { check, subject, verify }));
    return { verified, keep: [sha256(proof)], proof };
  });
}

/** Words and reason that Flux has for whatever goes wrong here. */
export const verifyPhase = (provider: OciVerify['provider']): Phase => ({
  lead: `failed to verify the signature using provider '${provider}'`,
  reason: 'VerificationError',
});

/** What a revision keeps beside its manifests. */
function proofOf(have: SourceRevision, { served }: Found): readonly Digest[] {
  return have.keep.filter((digest) => !served.some((one) => one.digest === digest));
}

function storedProof(
  { ports: { store } }: OciSession,
  of: Digest,
): { readonly digest: Digest; readonly found: readonly FoundSignature[] } | undefined {
  const digest = store.byAlias(signaturesAlias(of));
  if (digest === undefined || !store.has(digest)) return undefined;
  try {
    return { digest, found: decodeProof(store.get(digest)) };
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'cache-damaged') throw error;
    return undefined;
  }
}

interface Proving {
  readonly check: SignatureCheck;
  readonly subject: SignedSubject;
  readonly verify: OciVerify;
}

/** Asks the registry for signatures until one holds: what came until then. */
async function fetchProof(session: OciSession, proving: Proving): Promise<readonly FoundSignature[]> {
  const { check, subject, verify } = proving;
  const came: FoundSignature[] = [];
  const whys: string[] = [];
  for await (const candidate of findSignatures(session, subject.digest, verify.form)) {
    const verdict = verdictOf(candidate, check, subject);
    if (candidate.kind !== 'unusable') came.push(candidate);
    if (verdict === undefined) return came;
    whys.push(verdict);
  }
  const { host, name } = session.place;
  throw new Fault(
    'signature-invalid',
    `no matching signatures were found for '${host}/${name}@${subject.digest}': ${told(whys)}`,
  );
}

function verdictOf(candidate: Candidate, check: SignatureCheck, subject: SignedSubject): string | undefined {
  if (candidate.kind === 'unusable') return candidate.why;
  const verdict = check(candidate, subject);
  return verdict.ok ? undefined : verdict.why;
}

const MOST_TOLD = 3;

/** Each reason once, with how often it was one. */
function told(whys: readonly string[]): string {
  if (whys.length === 0) return 'the registry has none';
  const counts = new Map<string, number>();
  for (const why of whys) counts.set(why, (counts.get(why) ?? 0) + 1);
  const first = [...counts]
    .slice(0, MOST_TOLD)
    .map(([why, n]) => (n === 1 ? printable(why) : `${printable(why)} (${n} of them)`));
  return [...first, ...(counts.size > MOST_TOLD ? ['and others'] : [])].join('; ');
}
