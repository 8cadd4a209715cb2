/** Commands for people, on objects of the cluster: carried packed, because no agent needs them. */
export * as diff from '../diff.ts';
export * as events from '../events.ts';
export * as get from '../get.ts';
export * as reconcile from '../reconcile.ts';
export * as resume from '../resume.ts';
export * as suspend from '../suspend.ts';
export * as why from '../why.ts';
