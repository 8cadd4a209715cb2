import type { CliIo } from './io.ts';
import { KUBE_HELP } from './kube/flags.ts';
import { setSuspended } from './kube/suspended.ts';

export const help = `Usage: holdfast suspend KIND NAME ... [-n NS]
       holdfast suspend KIND --all [-n NS]

Has nothing fetched, or nothing applied and corrected, until it is resumed. What is applied stays as it is.
KIND is kustomization (ks), source git, source oci or source bucket.

  holdfast suspend kustomization store
  holdfast suspend source git --all

      --all               every object of the kind in the namespace
${KUBE_HELP}

Exit code 1 when one of the objects is not there, or cannot be changed.
`;

/** `holdfast suspend`. */
export function run(argv: readonly string[], io: CliIo): Promise<number> {
  return setSuspended('suspend', argv, io);
}
