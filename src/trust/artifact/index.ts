export { keyedCheck, type NamedKey } from './keyed.ts';
export type { FoundSignature, SignatureCheck, SignatureVerdict, SignedSubject } from './types.ts';
