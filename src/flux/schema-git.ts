import * as z from 'zod/mini';
import { weakly } from '../model/index.ts';
import { about, duration, field, flag, metadata, nameRef, nonEmpty, shortDuration, text } from './schema-common.ts';

const ref = () =>
  z.strictObject({
    branch: field(text(), 'Branch to follow; with `commit`, the branch that the commit is on.', { default: 'master' }),
    tag: field(text(), 'Tag to take. Wins over `semver` and `branch` (as Flux runs, not as its documentation says).'),
    semver: field(text(), 'Range of versions; the highest tag in it is taken.', { examples: ['>=1.0.0 <2.0.0'] }),
    name: field(text(), 'Full name of a reference. Wins over `tag`, `semver` and `branch`.', {
      examples: ['refs/pull/420/head'],
    }),
    commit: field(text(), 'Commit to take, 40 hex digits. Wins over all others.'),
  });

/** One entry of `include`; the status repeats it. */
export const include = () =>
  z.strictObject({
    repository: about(nameRef('GitRepository'), 'The source to copy from.'),
    fromPath: field(text(), 'Folder to copy, of that source.', { default: '' }),
    toPath: field(text(), 'Where to put it; the name of the repository when absent.'),
  });

const verify = () =>
  z.strictObject({
    mode: field(z.enum(['head', 'HEAD', 'Tag', 'TagAndHEAD']), 'What must be signed.', {
      default: 'HEAD',
      crd: { fills: true },
    }),
    secretRef: about(nameRef('Secret'), 'Public keys: `*.asc` (PGP) and `*.sshpub` (SSH).'),
  });

const spec = () =>
  z.strictObject({
    url: about(
      z.string().check(z.regex(/^(http|https|ssh):\/\/.*$/, { error: 'must begin with http://, https:// or ssh://' })),
      'Address of the repository.',
    ),
    interval: about(duration(), 'How often to ask for a new revision.', { examples: ['5m'] }),
    timeout: field(shortDuration(), 'How long one attempt may take, a day at most.', {
      default: '60s',
      crd: { fills: true },
    }),
    ref: field(ref(), 'Which revision to follow.', { default: { branch: 'master' } }),
    secretRef: field(
      nameRef('Secret'),
      'Credentials: `username` and `password`, or `bearerToken`; `ca.crt`; `tls.crt` and `tls.key`. For ssh: `identity`, `known_hosts`, and `password` where the key is encrypted.',
    ),
    proxySecretRef: field(
      nameRef('Secret'),
      'Proxy: `address`, `username`, `password`. Wins over the agent’s own proxy.',
    ),
    provider: field(z.enum(['generic', 'aws', 'azure', 'github', '']), 'How to log in.', { default: 'generic' }),
    serviceAccountName: field(text(), 'Account for providers aws and azure.'),
    ignore: field(
      text(),
      'Rules in .gitignore form, after those of .sourceignore files. Any rule replaces the default exclusions.',
    ),
    sparseCheckout: field(
      z.array(nonEmpty()),
      'Only what begins with one of these paths: `app` stands for `app-two/` too, `app/` for that folder alone. Each must be there.',
    ),
    suspend: field(flag(), 'No more polling; what was fetched stays in use.', { default: false }),
    recurseSubmodules: field(flag(), 'Fetch submodules too, each at its pinned commit, and theirs.', {
      default: false,
    }),
    include: field(z.array(include()), 'Folders or files of other GitRepositories of the namespace to put in.'),
    verify: field(verify(), 'Take only revisions that are signed by one of these keys.'),
  });

const ACCOUNT_RULE = {
  rule: "!has(self.serviceAccountName) || (has(self.provider) && self.provider in ['azure', 'aws'])",
  message: "serviceAccountName needs provider 'azure' or 'aws'",
};

/** GitRepository as it is written. */
export const gitRepositorySchema = weakly(() =>
  about(
    z.strictObject({
      apiVersion: z.literal('source.toolkit.fluxcd.io/v1'),
      kind: z.literal('GitRepository'),
      metadata: about(metadata, 'Name, namespace, labels and annotations.'),
      spec: about(spec(), 'What to fetch, and when.', { crd: { rules: [ACCOUNT_RULE] } }),
      status: z.optional(about(z.unknown(), 'Written by the agent; not read.')),
    }),
    'A Git repository over HTTP(S) or SSH as a source of manifests (Flux API).',
  ),
);

export type RawGitRepository = z.infer<ReturnType<typeof gitRepositorySchema>>;
