import type { CliIo } from './io.ts';
import { KUBE_HELP } from './kube/flags.ts';
import { setSuspended } from './kube/suspended.ts';

export const help = `Usage: holdfast resume KIND NAME ... [-n NS] [--wait=false]
       holdfast resume KIND --all [-n NS] [--wait]

Ends a suspension. After a single named object it waits until that is ready or has failed, at most 5 minutes.
KIND is kustomization (ks), source git, source oci or source bucket.

      --all               every object of the kind in the namespace
      --wait              wait for each, one after the other; --wait=false for none
${KUBE_HELP}

Exit code 1 when one of the objects is not there, cannot be changed, or does not become ready.
`;

/** `holdfast resume`. */
export function run(argv: readonly string[], io: CliIo): Promise<number> {
  return setSuspended('resume', argv, io);
}
