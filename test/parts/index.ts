export { cacheFolder, platform } from './cache.ts';
export { asText, type Command, commandOf, foundGoTool, type GoTool, goTool, type TextCommand } from './go-tool.ts';
export { type LockTimes, withLock } from './lock.ts';
export { cachedPart, type PartOptions, type PartSpec } from './part.ts';
export { GO_ENV, goVersion, type Run, run, type Say, toStderr } from './run.ts';
