export type { Auth } from './auth.ts';
export type { FaultOptions, GitFault } from './faults.ts';
export { runGit } from './git.ts';
export type { Change, Changes, CommitOptions, TreeEntry } from './import.ts';
export type { GitRequest, Repo, RepoOptions } from './repo.ts';
export { type GitServer, type GitServerOptions, startGitServer } from './server.ts';
