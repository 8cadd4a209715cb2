import type { Gvk, KubeObject } from '../../../src/model/index.ts';
import type { CliIo } from '../io.ts';
import type { Reach } from './flags.ts';
import type { Selection } from './objects.ts';

/**
 * Shows what exists, then each object that changes, until the command is stopped or its time is up. `first` is called once
 * with all that exists, `next` with each later one. Answers 0.
 */
export async function follow(
  kind: Gvk,
  wanted: Selection,
  at: { readonly reach: Reach; readonly io: CliIo; readonly command: string },
  show: { readonly first: (objects: readonly KubeObject[]) => void; readonly next: (object: KubeObject) => void },
): Promise<number> {
  const { reach, io, command } = at;
  const { namespace, name, labelSelector } = wanted;
  let waiting: KubeObject[] | undefined = [];
  await reach.cluster.watch(kind, {
    metadataOnly: false,
    signal: reach.signal,
    ...(namespace === '' ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    onEvent: (event) => {
      if (event.type === 'lost') io.stderr(`holdfast ${command}: ${event.message}; it is tried again\n`);
      if (event.type === 'synced' && waiting !== undefined) {
        show.first(waiting);
        waiting = undefined;
      }
      if (event.type !== 'put') return;
      if (waiting === undefined) show.next(event.object);
      else waiting.push(event.object);
    },
  });
  return 0;
}
