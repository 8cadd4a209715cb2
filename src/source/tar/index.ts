export { type TarMember, type TarReader, type TarSink, tarReader } from './read.ts';
