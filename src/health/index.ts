export { health } from './health.ts';
export { BUILT_IN, type HealthRule, type Judge, judgeWith, type Test } from './judge.ts';
export { hasHealth } from './kinds.ts';
export { type HealthCount, summarize } from './summary.ts';
