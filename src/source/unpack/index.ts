export { type Received, storePieces, type UnpackOptions, unpack } from './unpack.ts';
