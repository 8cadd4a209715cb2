export { type ClusterOptions, type HttpCluster, openCluster } from './cluster.ts';
export { openRemote } from './remote.ts';
export type { ClusterStats, RequestVerb } from './stats.ts';
export type { ClusterLimits } from './transport.ts';
export { WATCH_TIMES, type WatchTimes } from './watch-stream.ts';
