export { ARCHIVE_FORMAT, archiveOf, artifactOf, sealArtifact } from './artifact/index.ts';
export * from './from-flux.ts';
export { fetchGit, fetchSource, type GitRequest, recompose, type SiteNeeds, type SourceRequest } from './git/index.ts';
export { type AppLogins, appLogins } from './github-app.ts';
export * from './includes.ts';
export { verifierOf } from './verify.ts';
