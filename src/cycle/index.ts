export * from './outcome.ts';
export * from './sync.ts';
