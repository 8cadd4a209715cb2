export { keylessCheck, type OidcIdentity } from './keyless.ts';
export type { RootFile } from './root.ts';
