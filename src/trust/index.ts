export { type HostVerdict, type KnownHosts, parseKnownHosts } from './known-hosts.ts';
export { type PgpCheck, type PgpJob, verifyPgp } from './pgp.ts';
export type { Verdict } from './sshsig.ts';
export { type RevisionObjects, type TrustedKeys, type VerifyTools, verifyRevision } from './verify.ts';
