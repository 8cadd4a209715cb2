export * from './shared.ts';
export * from './survey.ts';
export * from './watcher.ts';
