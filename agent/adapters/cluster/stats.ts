/** What a request is counted as. A dry run of an apply is its own verb: it changes nothing. */
export type RequestVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'apply'
  | 'apply-dry-run'
  | 'patch'
  | 'replace'
  | 'create'
  | 'delete'
  | 'discovery';

/** Counters since the start, for metrics. */
export interface ClusterStats {
  /** Requests sent, retries included. */
  readonly requests: Readonly<Record<RequestVerb, number>>;
  /** Of bodies, as sent and received. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Answers 429 (or 5xx with Retry-After) that were waited for. */
  readonly throttled: number;
  /** Connections opened. */
  readonly connections: number;
  /** Times that credentials were read anew because they were refused or had changed. */
  readonly renewals: number;
  readonly inFlight: number;
  readonly waiting: number;
}

export interface Counters {
  requests: Record<RequestVerb, number>;
  bytesUp: number;
  bytesDown: number;
  throttled: number;
  connections: number;
  renewals: number;
}

/** All zero. */
export function newCounters(): Counters {
  return {
    requests: {
      get: 0,
      list: 0,
      watch: 0,
      apply: 0,
      'apply-dry-run': 0,
      patch: 0,
      replace: 0,
      create: 0,
      delete: 0,
      discovery: 0,
    },
    bytesUp: 0,
    bytesDown: 0,
    throttled: 0,
    connections: 0,
    renewals: 0,
  };
}
