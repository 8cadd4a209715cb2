export { cacheFolder, platform } from './cache.ts';
export { type GoTool, goTool } from './go-tool.ts';
export { type LockTimes, withLock } from './lock.ts';
export { cachedPart, type PartOptions, type PartSpec } from './part.ts';
export { GO_ENV, goVersion, type Run, run, type Say, toStderr } from './run.ts';
