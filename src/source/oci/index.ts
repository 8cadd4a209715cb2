export type { CarriedManifest, CarriedSignature } from './carry.ts';
export { fetchOci } from './fetch.ts';
export { type OciAccount, ociRequestOf } from './from-flux.ts';
export { type BroughtArtifact, bringArtifact, type CarriedArtifact, type CarriedBlob } from './pack.ts';
export type { OciOptions, OciPorts, OciRequest, RegistryNote } from './request.ts';
export { storedArtifact } from './stored.ts';
export type { KeptToken } from './tokens.ts';
