import { FAULTS, type FaultCode } from '../../model/index.ts';

/** Words in messages that tell apart the faults which share one reason; the first that fits. */
const SIGNS: readonly (readonly [RegExp, FaultCode])[] = [
  // fetching
  [/authentication required|authorization failed|unable to authenticate/i, 'source-auth'],
  [/repository not found/i, 'source-not-found'],
  [
    /unable to resolve|couldn't find remote ref|reference not found|remote repository is empty|no match found for semver/i,
    'source-ref-missing',
  ],
  [/host key|known_hosts|knownhosts/i, 'wire-host-key'],
  [/certificate|x509|\bTLS\b/i, 'wire-tls'],
  [/\b407\b|proxy/i, 'wire-proxy'],
  [/timed? ?out|deadline|did not answer in time|no answer/i, 'wire-timeout'],
  [/unexpected EOF|was cut/i, 'wire-cut'],
  [/connection refused|connect|lookup|resolve|ECONN|ENOTFOUND|EHOST|ENET|unreachable/i, 'wire-unreachable'],
  [/\blimits\./, 'source-bounds'],
  [/is refused|leads out/i, 'source-refused'],
  [/malformed|was not sent|checksum|digest/i, 'source-corrupt'],
  [/status code: 5\d\d|remote error/i, 'wire-server'],
  [/status code|format of the Git protocol|cannot be read/i, 'wire-protocol'],
  // Secrets
  [/(?:secrets?|serviceaccount) ["'][^"']*["'] not found|Secret.*(?:missing|does not exist)/i, 'secret-missing'],
  [/secret/i, 'secret-invalid'],
  // what a Kustomization needs, and its build
  [/kustomization path not found|no such file or directory/i, 'path-missing'],
  [/is not declared|not found/i, 'source-missing'],
  [/no revision|no artifact|not ready/i, 'source-not-ready'],
  [/decrypt|\bsops\b|\bMAC\b/i, 'decryption-failed'],
  [/./, 'build-failed'],
  // applying
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

/** What to do about a condition: the help of the fault with its reason, told apart by the message where several have it. */
export function helpFor(reason: string, message: string): string {
  const fits = Object.values(FAULTS).filter((row) => row.reason === reason);
  const [only] = fits;
  if (fits.length === 1 && only !== undefined) return only.help;
  const code = SIGNS.find(([sign, one]) => FAULTS[one].reason === reason && sign.test(message))?.[1];
  if (code !== undefined) return FAULTS[code].help;
  return 'The message says what and where; docs/operations.md says what each failure means.';
}
