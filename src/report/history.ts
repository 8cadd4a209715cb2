/** One line of `status.history` of a Kustomization, as Flux writes it. Times are RFC 3339. */
export interface HistoryEntry {
  /** Of what was built. */
  readonly digest: string;
  readonly firstReconciled: string;
  readonly lastReconciled: string;
  /** A Go duration. */
  readonly lastReconciledDuration: string;
  /** The reason of the Ready condition. */
  readonly lastReconciledStatus: string;
  readonly totalReconciliations: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Flux keeps so many. */
const MOST = 5;

/**
 * The history with one more run: a run of the digest and status of an earlier one counts there, and that one comes to
 * the front; of others the oldest goes. Newest first.
 */
export function noteHistory(
  before: readonly HistoryEntry[],
  run: Pick<HistoryEntry, 'digest' | 'lastReconciled' | 'lastReconciledDuration' | 'lastReconciledStatus' | 'metadata'>,
): readonly HistoryEntry[] {
  const same = (one: HistoryEntry): boolean =>
    one.digest === run.digest && one.lastReconciledStatus === run.lastReconciledStatus;
  const known = before.find(same);
  const entry: HistoryEntry = {
    ...run,
    firstReconciled: known?.firstReconciled ?? run.lastReconciled,
    totalReconciliations: (known?.totalReconciliations ?? 0) + 1,
  };
  return [entry, ...before.filter((one) => !same(one))].slice(0, MOST);
}
