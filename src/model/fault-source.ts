import type { FaultRow } from './fault-row.ts';

/** What can be wrong with the way to a source, and with what comes from it. */
export const SOURCE_FAULTS = {
  'wire-unreachable': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'No connection: check the link, DNS, firewall and proxy. What is applied stays and is kept.',
  },
  'wire-timeout': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The server did not answer in time: raise spec.timeout on slow links, or check the server.',
  },
  'wire-cut': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The transfer was cut before its end; what came is kept where the server allows it, and the next attempt goes on by itself.',
  },
  'wire-tls': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The certificate is not trusted: put the authority into ca.crt of the Secret (secretRef of Git, certSecretRef of others), check the clock and the host name.',
  },
  'wire-host-key': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The SSH server shows another key, or another kind of key, than known_hosts has: if it was changed on purpose put the new one into the Secret, else somebody stands in between.',
  },
  'wire-proxy': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The proxy refused: check its address and credentials, in the Secret named by proxySecretRef or in the configuration of the agent.',
  },
  'wire-protocol': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The answer is not what a Git server, registry, object storage or server of artifacts sends: is there a login page in between, or a wrong address in spec.url or spec.endpoint?',
  },
  'wire-server': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The server reports an error of its own: look at its log.',
  },
  'wire-throttled': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The server asks for fewer requests: the next one waits as long as it said. Raise spec.interval, or log in by secretRef.',
  },
  'source-forbidden': {
    next: 'backoff',
    reason: 'OCIArtifactPullFailed',
    help: 'The account is known and may not read this: give it the right to pull this repository, or name another Secret.',
  },
  'source-auth': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The server refuses the credentials, or asks for some: renew the Secret named by secretRef (of a registry also imagePullSecrets of the account), give it the right to read, and to list a bucket; signed requests of a bucket need the right time here.',
  },
  'source-not-found': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The server knows no such repository, bucket or archive: check spec.url, or spec.endpoint and spec.bucketName, and the rights of the account.',
  },
  'source-ref-missing': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'No such branch, tag, commit, version or digest: check spec.ref.',
  },
  'source-empty': {
    next: 'backoff',
    reason: 'EmptyGitRepository',
    help: 'The Git repository has no commit yet: push one.',
  },
  'source-corrupt': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'What was received is not what was named (digest or size), or it changed while it was read; it was thrown away, and the next attempt fetches it anew. If it stays, look at the server and at what stands in between.',
  },
  'source-refused': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The content, or the way to it, breaks a safety rule: the message says which path, layer, archive or address. Mend it at the source, or leave the path out by spec.ignore.',
  },
  'source-bounds': {
    next: 'backoff',
    reason: 'GitOperationFailed',
    help: 'The content is larger than the named limit: raise it in AgentConfiguration.limits if that is meant, or leave files out by spec.ignore.',
  },
  'source-missing': {
    next: 'retry',
    reason: 'ArtifactFailed',
    help: 'The source object named by sourceRef does not exist: create it.',
  },
  'source-not-ready': {
    next: 'retry',
    reason: 'ArtifactFailed',
    help: 'The source has no revision on this disk yet: look at the source.',
  },
  'source-incomplete': {
    next: 'retry',
    reason: 'ArtifactFailed',
    help: 'Only a part of the source was fetched, and more of it is needed: the source is asked for it now. What is applied stays. If it lasts, look at the source.',
  },
  'include-unavailable': {
    next: 'backoff',
    reason: 'NotFound',
    help: 'A source named by spec.include is not declared, has no revision yet, or includes this one: look at that source.',
  },
  'include-failed': {
    next: 'backoff',
    reason: 'CopyFailure',
    help: 'A folder cannot be put in: fromPath is not there, or toPath is taken already: mend the entry of spec.include.',
  },
  'signature-keys': {
    next: 'backoff',
    reason: 'VerificationError',
    help: 'What spec.verify trusts is not there, or cannot be read: create the named Secret beside the object, with public keys.',
  },
  'signature-mode': {
    next: 'stall',
    reason: 'InvalidVerificationMode',
    help: 'spec.verify.mode asks for a signed tag, and spec.ref names none: set ref.tag, ref.semver or a tag as ref.name, or mode HEAD.',
  },
  'signature-invalid': {
    next: 'backoff',
    reason: 'InvalidCommitSignature',
    help: 'The revision is not signed by anybody whom spec.verify trusts: it is not used, the last one stays. Ask its author, or add the key.',
  },
} as const satisfies Record<string, FaultRow>;
