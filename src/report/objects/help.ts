import { FAULTS, type FaultCode } from '../../model/index.ts';

/** Words in messages that tell apart the faults which share one reason; the first that fits. */
const SIGNS: readonly (readonly [RegExp, FaultCode])[] = [
  // fetching
  [/^spec\.[a-z]+ is not/i, 'object-invalid'],
  [/status code: 429|SlowDown|ServerBusy|too ?many ?requests/i, 'wire-throttled'],
  [/\(status 403\)|\bDENIED\b/, 'source-forbidden'],
  [/authentication required|authorization failed|unable to authenticate|unauthorized|access denied/i, 'source-auth'],
  [/repository not found|NAME_(?:UNKNOWN|INVALID)|bucket '[^']*' not found/i, 'source-not-found'],
  [
    /unable to resolve|couldn't find remote ref|reference not found|remote repository is empty|no match found for semver|manifest.unknown/i,
    'source-ref-missing',
  ],
  [/host key|known_hosts|knownhosts/i, 'wire-host-key'],
  [/login page|not a (?:Git server|registry|storage server)'s|sends us to/i, 'wire-protocol'],
  [/certificate|x509|\bTLS\b/i, 'wire-tls'],
  [/\b407\b|proxy/i, 'wire-proxy'],
  [/timed? ?out|deadline|did not answer in time|no answer|nothing more came/i, 'wire-timeout'],
  [/unexpected EOF|was cut/i, 'wire-cut'],
  [/connection refused|connect|lookup|resolve|ECONN|ENOTFOUND|EHOST|ENET|unreachable/i, 'wire-unreachable'],
  [/\blimits\./, 'source-bounds'],
  [/is refused|leads out|is not UTF-8/i, 'source-refused'],
  [/malformed|was not sent|checksum|digest|changes while it is read|bytes and listed/i, 'source-corrupt'],
  [/status(?: code:)? 5\d\d|remote error|error of its own/i, 'wire-server'],
  [/object: not found|\(status 404\)/i, 'source-not-found'],
  [/status code|status \d|format of the Git protocol|cannot be read|a listing that/i, 'wire-protocol'],
  // Secrets
  [/(?:secrets?|serviceaccount) ["'][^"']*["'] not found|Secret.*(?:missing|does not exist)/i, 'secret-missing'],
  [/secret/i, 'secret-invalid'],
  // what a Kustomization needs, and its build
  [/kustomization path not found|no such file or directory/i, 'path-missing'],
  [/source artifact not found|no revision|no artifact|not ready/i, 'source-not-ready'],
  [/is not declared|not found/i, 'source-missing'],
  [/decrypt|\bsops\b|\bMAC\b/i, 'decryption-failed'],
  [/./, 'build-failed'],
  // applying
  [/waits for .*, which is being deleted/i, 'apply-waits'],
  [/forbidden|may not be/i, 'cluster-denied'],
  [/unauthorized|credentials/i, 'cluster-auth'],
  [/immutable/i, 'apply-immutable'],
  [/declares it, too/i, 'owned-by-other'],
  [/undo(?:es|ne)?\b|conflict/i, 'apply-conflict'],
  [/no matches for kind|does not serve|CRD installed/i, 'kind-unknown'],
  [/webhook|aggregated/i, 'cluster-api-down'],
  [/kubeconfig/i, 'kubeconfig-refused'],
  [/connection refused|does not answer|unreachable|ECONN|EHOST|ETIMEDOUT/i, 'cluster-unreachable'],
  [/hangs on|\bheld\b/i, 'apply-held'],
  [/invalid|denied the request|dry-run failed|not found/i, 'apply-refused'],
  // the state folder
  [/ENOSPC|limits\.cacheBytes|full/i, 'cache-full'],
];

/** Reasons of other sources for what Git tells as GitOperationFailed, and what they have besides. */
const LIKE_GIT: Readonly<Record<string, readonly FaultCode[]>> = {
  BucketOperationFailed: ['object-invalid'],
  OCIArtifactPullFailed: ['source-forbidden'],
  OCIArtifactLayerOperationFailed: ['source-forbidden'],
  ReadOperationFailed: ['source-forbidden'],
};

/** Reasons that are not in the table of faults, for a fault that is. */
const OF_CODE: Readonly<Record<string, FaultCode>> = {
  InvalidTagSignature: 'signature-invalid',
  InvalidGitObject: 'signature-invalid',
  IncludeCycle: 'include-unavailable',
  NoArtifact: 'include-unavailable',
};

/** What to do where the message does not tell the faults of a reason apart; what it is, why, and what to do. */
const OF_REASON: Readonly<Record<string, string>> = {
  URLInvalid:
    'The address is none that this kind takes, so nothing is asked; the last revision stays in use. GitRepository: http://, https:// or ssh://, with a repository. OCIRepository: oci://HOST/NAME, the tag in spec.ref. Bucket: spec.endpoint is HOST or HOST:PORT without a scheme (Azure: https://ACCOUNT.blob.core.windows.net), spec.sts.endpoint an http address. Mend it: it is tried as soon as it changes.',
  GitOperationFailed:
    'The repository was not read: the message says at which step; the last revision stays in use, and it is tried again by itself. Check the link, spec.url, spec.ref and the Secret named by secretRef.',
  BucketOperationFailed:
    'The bucket was not listed, or an object of it not read: the message has the step and what the storage said; the last revision stays in use, and it is tried again by itself. Check the link, spec.endpoint, spec.bucketName, spec.provider and spec.region, and that the keys in the Secret named by secretRef may list and read.',
  NewRevision:
    'The reference leads to something newer, which could not be had: Ready says why, and what to do; the last revision stays in use.',
  OCIArtifactPullFailed:
    'The artifact was not pulled: the message has what the registry said; the last revision stays in use, and it is tried again by itself. Check the link, spec.url, spec.ref and the Secret named by secretRef.',
  OCIArtifactLayerOperationFailed:
    'The layer of the artifact was not taken: the message says what is wrong with it; the last revision stays in use. Check spec.layerSelector, and what was pushed; push it anew.',
  ReadOperationFailed:
    'The tag that spec.ref asks for was not found out: the message has what the registry said; the last revision stays in use, and it is tried again by itself. Check the link, spec.ref and the Secret named by secretRef.',
  ArtifactFailed:
    'The content was not taken: the message says whether the source is not there, has no revision yet, or lacks the folder; what is applied stays. Look at the source, and at spec.sourceRef and spec.path.',
  AuthenticationFailed:
    'A Secret that the object names is missing, or lacks what is needed: the message names it. Create or mend it in the namespace of the object; it is tried again by itself.',
  StorageOperationFailed:
    'The state folder of the agent refused: the message says whether it is full, read-only or damaged. What is applied stays and is kept. Free space, or look at the mount and the health of the disk.',
  BuildFailed:
    'The manifests do not build: the message names the file. Nothing of this revision is applied; the last good state stays. Mend it in the source.',
  ReconciliationFailed:
    'Something of the revision could not be applied: the message names the object and what the API server said; objects that do not hang on it are applied. docs/operations.md says what each failure means.',
};

/**
 * What to do about a condition: the help of the fault with its reason, told apart by the message where several have it.
 * `kind`: of the object that has it, where it is known.
 */
export function helpFor(reason: string, message: string, kind = 'Kustomization'): string {
  const alias = OF_CODE[reason];
  if (alias !== undefined) return FAULTS[alias].help;
  const code = SIGNS.find(([sign, one]) => isTold(one, reason, kind) && sign.test(message))?.[1];
  if (code !== undefined) return FAULTS[code].help;
  const own = OF_REASON[reason];
  if (own !== undefined) return own;
  const row = Object.values(FAULTS).find((one) => one.reason === reason);
  return row?.help ?? 'The message says what and where; docs/operations.md says what each failure means.';
}

/** Whether a fault is told by this reason. */
function isTold(code: FaultCode, reason: string, kind: string): boolean {
  const inTable = FAULTS[code].reason;
  const ofGit = inTable === 'GitOperationFailed';
  // The archive of another controller, not what a Kustomization is made of.
  if (reason === 'ArtifactFailed' && kind !== 'Kustomization') return ofGit;
  const more = LIKE_GIT[reason];
  return more === undefined ? inTable === reason : ofGit || more.includes(code);
}
