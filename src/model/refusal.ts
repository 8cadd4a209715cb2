/**
 * What came of asking the API server about one object, as data beside a Fault's message: whoever tells it puts the
 * sentence together.
 */
export interface Refusal {
  /**
   * What was asked: an `apply` or its `dry-run`, a `delete`, or some `other` request. At `kind` and `place` nothing was
   * sent, because no API serves the kind, or the object names no namespace though its kind has them.
   */
  readonly asked: 'apply' | 'dry-run' | 'delete' | 'other' | 'kind' | 'place';
  /** In the API server's own word, such as `Invalid`; '' where it says none. */
  readonly reason: string;
  /** What it says, in bounds, and without values of Secrets. */
  readonly said: string;
}
