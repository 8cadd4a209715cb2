import { ensureAzureServer } from '../test/azureserver/index.ts';
import { ensure } from '../test/controlplane/index.ts';
import { BINARIES, type Binary } from '../test/controlplane/versions.ts';
import { ensureCosign } from '../test/cosign/index.ts';
import { ensureFlux } from '../test/fluxcli/ensure.ts';
import { ensureNotation } from '../test/notation/index.ts';
import { OCI_PARTS, requireOci } from '../test/ociregistry/parts.ts';
import { ensureS3Server } from '../test/s3server/ensure.ts';
import { ensureSops } from '../test/sops/index.ts';
import { findSshd } from '../test/sshserver/index.ts';

/**
 * Makes sure that the real parts for tests and the demo are there, and prints where. Without arguments those that tests
 * use; `--all` also kubectl; or names.
 */
const CONTROL_PLANE: readonly Binary[] = ['etcd', 'kube-apiserver', 'kube-controller-manager'];

/** Parts beside the control plane, each by its own name. */
const OTHERS: Readonly<Record<string, () => Promise<string>>> = {
  versitygw: () => ensureS3Server(),
  ...Object.fromEntries(OCI_PARTS.map((name) => [name, async () => (await requireOci([name]))[name]])),
  flux: optional(ensureFlux),
  cosign: optional(ensureCosign),
  notation: optional(ensureNotation),
  sops: optional(ensureSops),
  azurite: optional(ensureAzureServer),
  sshd: optional(async () => (await findSshd()).program),
};

/** Without such a part the tests that use it do not run, and say so. */
function optional(make: () => Promise<string>): () => Promise<string> {
  return () => make().catch((error: unknown) => `not here: ${error instanceof Error ? error.message : String(error)}`);
}

function check(args: readonly string[]): void {
  const known: readonly string[] = [...BINARIES, ...Object.keys(OTHERS), '--all'];
  const unknown = args.filter((arg) => !known.includes(arg));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}. There are ${known.join(', ')}`);
}

function wanted(args: readonly string[]): readonly Binary[] {
  if (args.includes('--all')) return BINARIES;
  return args.length === 0 ? CONTROL_PLANE : BINARIES.filter((name) => args.includes(name));
}

try {
  const args = process.argv.slice(2);
  check(args);
  const binaries = wanted(args);
  const found: Record<string, string> = binaries.length === 0 ? {} : { ...(await ensure(binaries)) };
  for (const [name, make] of Object.entries(OTHERS))
    if (args.length === 0 || args.includes('--all') || args.includes(name)) found[name] = await make();
  for (const [name, path] of Object.entries(found)) console.log(`${name}\t${path}`);
} catch (error) {
  process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
