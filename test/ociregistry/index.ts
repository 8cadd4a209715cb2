export { OCI_PARTS, type OciPart, requireOci } from './parts.ts';
export { type ArtifactOptions, fluxArtifact, helmChart, type Pushed, type Pusher, pusher } from './push.ts';
export { PASSWORD, type Registry, type RegistryOptions, startRegistry, USER } from './registry.ts';
export { pushBundles, pushSimple } from './sign.ts';
export { startTokenServer, type TokenServer } from './tokens.ts';
