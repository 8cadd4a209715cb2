export { type ConfigWatch, followConfig, markOf } from './follow.ts';
export { loadConfig, readConfig } from './load.ts';
export { loadPlace } from './place.ts';
export { agentConfigurationSchema } from './schema.ts';
export type { ObjectsSnapshot, SnapshotLimits } from './snapshot.ts';
export type { AgentConfig, FetchSchedule, ProxyConfig } from './types.ts';
export { type ObjectsWatch, type WatchOptions, watchObjects } from './watch.ts';
