import { at, Fault, textAt } from '../../src/model/index.ts';
import type { CliIo } from './io.ts';
import { usageError } from './io.ts';
import { type Flags, onCluster, type Reach } from './kube/flags.ts';
import { KINDS_TEXT, KUSTOMIZATION, SOURCES, type Target } from './kube/kinds.ts';
import { mustRead } from './kube/objects.ts';
import { type Named, reconcileOne, WAIT } from './kube/settle.ts';

/** `holdfast reconcile KIND NAME`: by the API server, for whatever agent looks after the object. */
export async function reconcileObjects(target: Target, flags: Flags, io: CliIo): Promise<number> {
  const [kind] = target.kinds;
  if (kind === undefined || target.all) return usageError(io, 'reconcile', `KIND is ${KINDS_TEXT}.`);
  if (flags.on('with-source') && kind !== KUSTOMIZATION)
    return usageError(io, 'reconcile', '--with-source goes with a kustomization.');
  return onCluster({ name: 'reconcile', timeout: WAIT }, flags, io, async (reach) => {
    for (const name of new Set(target.names)) {
      const one = { kind, name, namespace: reach.namespace };
      const source = flags.on('with-source') ? await sourceOf(one, reach) : undefined;
      for (const each of [...(source === undefined ? [] : [source]), one]) {
        const code = await reconcileOne(each, reach, io);
        if (code !== 0) return code;
      }
    }
    return 0;
  });
}

async function sourceOf({ kind, name, namespace }: Named, reach: Reach): Promise<Named> {
  const ref = at(await mustRead(kind, name, namespace, reach), 'spec', 'sourceRef');
  const source = SOURCES.find((one) => one.kind === textAt(ref, 'kind'));
  if (source === undefined)
    throw new Fault('object-invalid', `cannot reconcile a source of kind ${textAt(ref, 'kind') ?? '?'}`);
  return { kind: source, name: textAt(ref, 'name') ?? '', namespace: textAt(ref, 'namespace') || namespace };
}
