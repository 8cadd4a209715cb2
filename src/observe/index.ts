export { type Change, type ObserverPorts, ofKind } from './picture.ts';
export * from './shared.ts';
export * from './survey.ts';
export * from './watcher.ts';
