export * from './fights.ts';
export * from './times.ts';
