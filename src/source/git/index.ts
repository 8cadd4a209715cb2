export { fetchGit } from './fetch.ts';
export { objectId, parseTag } from './objects.ts';
export type { GitAuth, GitOptions, GitPorts, GitRequest } from './request.ts';
export type { PartView, SiteNeeds } from './site-needs.ts';
export { fetchSource, recompose, type SourceRequest } from './source.ts';
