export * from './ignore.ts';
export * from './make.ts';
export * from './print.ts';
export * from './rights.ts';
export * from './settle.ts';
