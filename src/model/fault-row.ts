/** What the loop does next about a fault. */
export type NextAction =
  /** Try again, later and later up to a cap. */
  | 'backoff'
  /** Try again after the object's own retry interval. */
  | 'retry'
  /** Wait for the object, its references or the configuration to change: trying again gives the same. */
  | 'stall'
  /** Keep the old state until an operator, a window or a dependency says otherwise. */
  | 'hold';

export interface FaultRow {
  readonly next: NextAction;
  /** The reason of the Ready condition, in Flux's words where Flux has one. */
  readonly reason: string;
  /** What a person does about it; docs/operations.md is checked against this table. */
  readonly help: string;
}
