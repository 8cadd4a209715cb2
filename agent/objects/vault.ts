import type { DeclaredStates } from '../../src/cache/index.ts';
import { type DataRef, dataKey } from '../../src/flux/index.ts';
import {
  asFault,
  fromJson,
  isObject,
  type JsonObject,
  type KubeObject,
  textAt,
  toJson,
} from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { agentSource, type Sealer, sealer } from '../../src/sops/seal/index.ts';
import type { SealKey } from '../seal-key.ts';
import { isKube, type Kept } from './keeper.ts';

/** Keeps on disk, sealed, the Secrets and ConfigMaps that Flux objects of the cluster name. */
export interface Vault {
  /** As it is in the cluster of this uid. */
  keep(object: KubeObject, clusterUid: string): void;
  /** It is gone from the cluster of this uid. What was kept of another cluster stays. */
  forget(ref: DataRef, clusterUid: string): void;
  get(ref: DataRef): Promise<Kept | undefined>;
  all(): Promise<readonly Kept[]>;
  settle(): Promise<void>;
}

export interface VaultPorts {
  readonly states: DeclaredStates;
  readonly key: SealKey;
  readonly log: Log;
}

export function createVault(ports: VaultPorts): Vault {
  const { states, log } = ports;
  const writing = new Set<Promise<void>>();
  const background = (work: Promise<unknown>): void => {
    const done: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => log.warn('what objects name is not kept on disk', { error: asFault(error).message }),
      )
      .finally(() => writing.delete(done));
    writing.add(done);
  };
  const sealerOf = async (key: string): Promise<Sealer> => sealer(agentSource(await ports.key('')), key);
  const stored = (): ReturnType<DeclaredStates['all']> => states.all();
  const open = async ({ key, clusterUid, object }: ReturnType<DeclaredStates['all']>[number]): Promise<Kept[]> => {
    try {
      const sealed = Buffer.from(textAt(object, 'sealed') ?? '', 'base64');
      const opened = fromJson(Buffer.from((await sealerOf(key)).open(sealed)).toString('utf8'));
      return isObject(opened) && isKube(opened) ? [{ key, clusterUid, object: opened }] : [];
    } catch (error) {
      log.warn('what objects name cannot be read from disk', { object: key, error: asFault(error).message });
      return [];
    }
  };
  return {
    keep: (object, clusterUid) => {
      if (clusterUid !== '') background(put(object, clusterUid, { states, sealerOf }));
    },
    forget: (ref, clusterUid) => {
      const found = stored().find((one) => one.key === dataKey(ref));
      if (found?.clusterUid === clusterUid) background(states.remove(dataKey(ref)));
    },
    get: async (ref) => {
      const found = stored().find((one) => one.key === dataKey(ref));
      return found === undefined ? undefined : (await open(found))[0];
    },
    all: async () => (await Promise.all(stored().map(open))).flat(),
    settle: async () => {
      while (writing.size > 0) await Promise.all(writing);
    },
  };
}

async function put(
  object: KubeObject,
  clusterUid: string,
  { states, sealerOf }: { readonly states: DeclaredStates; sealerOf(key: string): Promise<Sealer> },
): Promise<void> {
  const key = `${object.kind}/${textAt(object.metadata, 'namespace') ?? ''}/${object.metadata.name}`;
  const json = Buffer.from(toJson(reduced(object)));
  const sealed = Buffer.from((await sealerOf(key)).seal(json)).toString('base64');
  await states.put({ key, clusterUid, object: { sealed } });
}

/** What somebody has written of an object. */
function reduced({ apiVersion, kind, metadata, ...rest }: KubeObject): JsonObject {
  const meta = ['name', 'namespace', 'labels', 'annotations'].flatMap((name) => {
    const value = metadata[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const fields = ['type', 'immutable', 'data', 'binaryData'].flatMap((name) => {
    const value = rest[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { apiVersion, kind, metadata: Object.fromEntries(meta), ...Object.fromEntries(fields) };
}
