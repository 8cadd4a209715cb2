import { BUNDLE_FAULTS } from './fault-bundle.ts';
import type { FaultRow, NextAction } from './fault-row.ts';
import { SOURCE_FAULTS } from './fault-source.ts';
import type { Refusal } from './refusal.ts';
import type { WireCount } from './source.ts';

export type { NextAction } from './fault-row.ts';

/** Every way in which something can be not as it should be. Codes are stable: logs, metrics and docs use them. */
export const FAULTS = {
  // configuration and objects
  'config-invalid': {
    next: 'stall',
    reason: 'InvalidConfiguration',
    help: 'Mend the named file at the named line; the rest of the configuration keeps running.',
  },
  'object-invalid': {
    next: 'stall',
    reason: 'InvalidSpec',
    help: 'Mend the named field of the object; its last good state stays applied.',
  },
  'object-duplicate': {
    next: 'stall',
    reason: 'DuplicateObject',
    help: 'Two places declare one object: remove one of them.',
  },
  unsupported: {
    next: 'stall',
    reason: 'FeatureNotSupported',
    help: 'The named feature is not built yet: remove the field, or leave this object to Flux.',
  },
  'secret-missing': {
    next: 'backoff',
    reason: 'AuthenticationFailed',
    help: 'Create the named Secret beside the object that refers to it.',
  },
  'secret-invalid': {
    next: 'backoff',
    reason: 'AuthenticationFailed',
    help: 'The named Secret lacks a key or holds one that cannot be read: mend it.',
  },
  'access-denied': {
    next: 'stall',
    reason: 'AccessDenied',
    help: 'The settings of this agent keep namespaces apart: move the named source into the namespace of the object.',
  },
  // wire and sources
  ...SOURCE_FAULTS,
  // files that were brought
  ...BUNDLE_FAULTS,
  // cache
  'cache-damaged': {
    next: 'backoff',
    reason: 'StorageOperationFailed',
    help: 'Something on the disk changed by itself: the last whole revision is used, the network heals it. Check the disk.',
  },
  'cache-full': {
    next: 'backoff',
    reason: 'StorageOperationFailed',
    help: 'The disk, or the cache limit, is full: free space or raise limits.cacheBytes. The last revision stays in use.',
  },
  'cache-io': {
    next: 'backoff',
    reason: 'StorageOperationFailed',
    help: 'The disk refused to read or write: check mount, rights and health of stateDir.',
  },
  'cache-locked': {
    next: 'stall',
    reason: 'StorageOperationFailed',
    help: 'Another agent uses this stateDir: one folder, one agent.',
  },
  // render
  'path-missing': {
    next: 'retry',
    reason: 'ArtifactFailed',
    help: 'spec.path names a folder that the source does not have.',
  },
  'build-failed': {
    next: 'retry',
    reason: 'BuildFailed',
    help: 'The manifests do not build: the message names file and line. The last good state stays applied.',
  },
  'decryption-failed': {
    next: 'retry',
    reason: 'BuildFailed',
    help: 'A file cannot be decrypted: the message names it and says whether the key, the file or its MAC is wrong. The last good state stays applied.',
  },
  'decryption-closed': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'What was decrypted is stored sealed, and the keys that open it are not there: put them back, or render again with the new ones.',
  },
  // plan, policy, apply
  'prune-guard': {
    next: 'hold',
    reason: 'PruneGuarded',
    help: 'One revision would delete more than the set share: look at holdfast plan, then allow it as the message says.',
  },
  'expression-invalid': {
    next: 'stall',
    reason: 'InvalidCELExpression',
    help: 'The named expression is no CEL, or not one that Flux takes: mend it. What is applied stays and is kept.',
  },
  'dependency-not-ready': {
    next: 'retry',
    reason: 'DependencyNotReady',
    help: 'An object named by dependsOn is not ready: look at that one first.',
  },
  'cluster-unreachable': {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'The API server does not answer: nothing is lost, work goes on when it is back.',
  },
  'cluster-protocol': {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'What answers does not speak as an API server does, or answers more than limits.responseBytes: check the address.',
  },
  'cluster-api-down': {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'The named webhook or aggregated API does not answer: objects that need it wait, others go on.',
  },
  'cluster-denied': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'The API server forbids it: grant the RBAC rule that the message names.',
  },
  'cluster-auth': {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'The API server does not accept our credentials: renew the kubeconfig or the service account token.',
  },
  'kubeconfig-refused': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'The kubeconfig named by spec.kubeConfig is missing or not taken: the message says why; mend the Secret or ConfigMap.',
  },
  'apply-refused': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'The API server refuses the named object as it is written: mend it in the source.',
  },
  'apply-immutable': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'A field cannot be changed in place: undo the change, or allow replacement with force.',
  },
  'apply-held': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'The named object hangs on one that was refused: mend that one.',
  },
  'apply-waits': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'What the named object lives in, or is defined by, is being deleted: it is made again once that is gone. Look at the finalizers that hold it.',
  },
  'apply-conflict': {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'Another writer undoes what is applied: the message names its field manager; only one may own the field.',
  },
  'owned-by-other': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'Another Kustomization owns the object: let only one of them declare it.',
  },
  'flux-active': {
    next: 'hold',
    reason: 'FluxActive',
    help: 'Flux works for the same objects: scale its source-controller and kustomize-controller to zero, or set objects.cluster.enabled to false here.',
  },
  'kind-unknown': {
    next: 'retry',
    reason: 'ReconciliationFailed',
    help: 'The API server knows no such kind: install its CRD first, or mend apiVersion and kind.',
  },
  'prune-failed': {
    next: 'retry',
    reason: 'PruneFailed',
    help: 'An object could not be deleted: the message says why; it stays in the inventory until it is gone.',
  },
  'health-failed': {
    next: 'retry',
    reason: 'HealthCheckFailed',
    help: 'The named objects do not become healthy: look at them.',
  },
  'health-canceled': {
    next: 'retry',
    reason: 'HealthCheckCanceled',
    help: 'The agent was ended before this object; its next start goes on from there.',
  },
  'clock-untrusted': {
    next: 'hold',
    reason: 'ClockUntrusted',
    help: 'Set the clock: it shows a time before this software was made, or before one that was seen here. If it is right all the same, say so by holdfast reconcile. Only fetchSchedule waits for it; what is applied is kept.',
  },
  internal: {
    next: 'backoff',
    reason: 'ReconciliationFailed',
    help: 'A bug of Holdfast: please report it with the log line.',
  },
} as const satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof FAULTS;

/**
 * The one error type that rooms throw. `message` says what and where for a person and never holds a secret; the code
 * says what the loop does next (FAULTS).
 */
export class Fault extends Error {
  readonly code: FaultCode;
  /** Reason of the condition, where it differs from the table's (such as another kind of source). */
  readonly reason: string;
  /** Earliest useful next attempt in milliseconds from now, when the other side said one (Retry-After). */
  readonly retryAfterMs: number | undefined;
  /** Paths of a source that are needed and were not fetched (`source-incomplete`). */
  readonly paths: readonly string[];
  /** What was asked of the API server, and its answer, where an object was refused. */
  readonly refusal: Refusal | undefined;
  /** What the attempt that ended so has moved over the network, where that is known. */
  spent: WireCount | undefined;
  /** The link ended an attempt that brought something to go on from: that is no reason to wait longer and longer. */
  progress: boolean;
  /** The revision that was found at the source and whose content could not be had; '' where that is not known. */
  revision: string;

  constructor(
    code: FaultCode,
    message: string,
    options: {
      cause?: unknown;
      reason?: string;
      retryAfterMs?: number | undefined;
      paths?: readonly string[];
      refusal?: Refusal | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.reason = options.reason ?? FAULTS[code].reason;
    this.retryAfterMs = options.retryAfterMs;
    this.paths = options.paths ?? [];
    this.refusal = options.refusal;
    this.spent = undefined;
    this.progress = false;
    this.revision = '';
  }
}

/** The Fault of reading what a source has and was not fetched. */
export function incomplete(path: string): Fault {
  return new Fault('source-incomplete', `'${path}' of the source was not fetched yet: it is asked for`, {
    paths: [path],
  });
}

/** Any thrown value as a Fault; what is not one already is `internal`. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new Fault('internal', text, { cause: error });
}

/** The same fault in other words, or with another reason; all else that it says stays. */
export function reworded(fault: Fault, words: { readonly message?: string; readonly reason?: string }): Fault {
  const { message = fault.message, reason = fault.reason } = words;
  const better = new Fault(fault.code, message, { cause: fault, reason, retryAfterMs: fault.retryAfterMs });
  better.spent = fault.spent;
  better.progress = fault.progress;
  better.revision = fault.revision;
  return better;
}

/** True for what a link that is bad gives, and a good one would not: going on soon is worth it. */
export function isOfLink(code: FaultCode): boolean {
  return code === 'wire-cut' || code === 'wire-unreachable' || code === 'wire-timeout';
}

/** What the loop does next about a fault. */
export function nextAction(code: FaultCode): NextAction {
  return FAULTS[code].next;
}
