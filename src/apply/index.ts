export { yieldFields } from './ignore.ts';
export { markOf, seenOf, takeoverPatch } from './managed-fields.ts';
export { type ApplyOptions, type ApplyPorts, FIELD_MANAGER, type Ledger } from './ports.ts';
export { probePlan } from './probe.ts';
export { keepReason } from './prune.ts';
export { probeName } from './replace.ts';
export { runPlan } from './run.ts';
export { send } from './send.ts';
