export { type Coding, codingOf, createInflater, type InflateOptions, type Inflater, type Most } from './inflate.ts';
export { type Received, storePieces, type UnpackOptions, unpack } from './unpack.ts';
