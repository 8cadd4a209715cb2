import { Fault, printable } from '../model/index.ts';
import { type SignedObject, signatureKind, splitCommit, splitTag, tagName } from './git-object.ts';
import type { PgpCheck } from './pgp.ts';
import { parseSigners } from './signers.ts';
import { type Verdict, verifySsh } from './sshsig.ts';

/** The objects whose signatures are asked for. Whoever calls has checked that the tag leads to the commit. */
export interface RevisionObjects {
  readonly commit: { readonly id: string; readonly bytes: Uint8Array };
  /** Of the tag that was asked for; undefined when none was. `bytes` is absent for a name without a tag object. */
  readonly tag?: { readonly name: string; readonly id: string; readonly bytes?: Uint8Array };
}

/** Public keys as they stand in the Secret. */
export interface TrustedKeys {
  readonly pgp: readonly string[];
  readonly ssh: readonly string[];
}

export interface VerifyTools {
  /** `HEAD`, `Tag`, `TagAndHEAD`; `head` is HEAD. */
  readonly mode: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly pgp: PgpCheck;
}

/**
 * Checks the signatures that a mode asks for. The answer says what was signed by which key, as Flux words it. Faults
 * `signature-invalid`, `signature-mode`.
 */
export async function verifyRevision(objects: RevisionObjects, keys: TrustedKeys, tools: VerifyTools): Promise<string> {
  const lines: string[] = [];
  const { commit, tag } = objects;
  if (tools.mode === 'Tag' || tools.mode === 'TagAndHEAD') {
    if (tag === undefined)
      throw new Fault('signature-mode', "cannot verify tag object's signature if a tag reference is not specified");
    const name = tag.bytes === undefined ? tag.name : `${tag.name}@${tag.id}`;
    lines.push(`tag '${name}' with key '${await tagSigner(tag, name, keys, tools)}'`);
  }
  if (tools.mode !== 'Tag') {
    const signed = splitCommit(commit.bytes);
    const verdict = signed === undefined ? twice() : await verdictOf('commit', signed, keys, tools);
    if (!verdict.ok)
      throw new Fault('signature-invalid', `signature verification of commit '${commit.id}' failed: ${verdict.why}`);
    lines.push(`commit '${commit.id}' with key '${verdict.key}'`);
  }
  return `verified signature of\n\t- ${lines.join('\n\t- ')}`;
}

async function tagSigner(
  tag: NonNullable<RevisionObjects['tag']>,
  name: string,
  keys: TrustedKeys,
  tools: VerifyTools,
): Promise<string> {
  const signed = tag.bytes === undefined ? undefined : splitTag(tag.bytes);
  if (tag.bytes === undefined || signed === undefined || signed.signature === '')
    throw new Fault('signature-invalid', `cannot verify signature of tag '${name}' since it is not signed`, {
      reason: 'InvalidGitObject',
    });
  const own = tagName(tag.bytes);
  const verdict: Verdict =
    own === tag.name
      ? await verdictOf('tag', signed, keys, tools)
      : { ok: false, why: `the signed tag's name is '${printable(own, 100)}'` };
  if (verdict.ok) return verdict.key;
  throw new Fault('signature-invalid', `signature verification of tag '${name}' failed: ${verdict.why}`, {
    reason: 'InvalidTagSignature',
  });
}

/** `what` was signed: Flux's words begin with it where a signature does not hold. */
async function verdictOf(
  what: 'commit' | 'tag',
  signed: SignedObject,
  keys: TrustedKeys,
  tools: VerifyTools,
): Promise<Verdict> {
  const kind = signatureKind(signed.signature);
  if (kind === 'openpgp') {
    if (keys.pgp.length === 0)
      return no('PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)');
    const job = { armored: signed.signature, payload: signed.payload, rings: keys.pgp, now: tools.now };
    return led(`unable to verify Git ${what}`, await tools.pgp(job));
  }
  if (kind !== 'ssh') return no(`unsupported signature type: ${kind}`);
  if (keys.ssh.length === 0)
    return no('SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)');
  const files = keys.ssh.map((text) => parseSigners(text, tools.now));
  const signers = files.flatMap((file) => file ?? []);
  const verdict = files.every((file) => file === undefined)
    ? no('unable to parse authorized keys')
    : verifySsh(signed.signature, signed.payload, signers);
  return led(`unable to verify Git ${what} SSH signature`, verdict);
}

const no = (why: string): Verdict => ({ ok: false, why });

const led = (lead: string, verdict: Verdict): Verdict => (verdict.ok ? verdict : no(`${lead}: ${verdict.why}`));

const twice = (): Verdict => no('it has two signatures');
