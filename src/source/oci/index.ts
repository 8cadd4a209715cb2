export { fetchOci } from './fetch.ts';
export { type OciAccount, ociRequestOf } from './from-flux.ts';
export type { OciOptions, OciPorts, OciRequest, RegistryNote } from './request.ts';
export type { KeptToken } from './tokens.ts';
