import type { DeclaredRecord, DeclaredStates } from '../../src/cache/index.ts';
import { type DataRef, dataKey, pullSecretRefs } from '../../src/flux/index.ts';
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
import { createBackground } from '../background.ts';
import type { SealKey } from '../seal-key.ts';
import { asData, dataRefOf } from './as-data.ts';
import { isKube, type Kept } from './keeper.ts';

/**
 * Keeps on disk, sealed, the Secrets and ConfigMaps that Flux objects name; of service accounts, which name Secrets
 * themselves, the names of their pull secrets. `named`: keys, `Kind/namespace/name`, of what the objects name.
 */
export interface Vault {
  /** As it is in the cluster of this uid. */
  keep(object: KubeObject, clusterUid: string): void;
  /** It is gone from the cluster of this uid. What was kept of another cluster stays. */
  forget(ref: DataRef, clusterUid: string): void;
  get(ref: DataRef): Promise<Kept | undefined>;
  /** Secrets and ConfigMaps that are named and were kept of another cluster than this one. */
  lost(named: ReadonlySet<string>, clusterUid: string): Promise<readonly Kept[]>;
  /** Drops what is not named, and what such an account names. */
  trim(named: ReadonlySet<string>): Promise<void>;
  settle(): Promise<void>;
}

export interface VaultPorts {
  readonly states: DeclaredStates;
  readonly key: SealKey;
  readonly log: Log;
}

export function createVault(ports: VaultPorts): Vault {
  const { states, log } = ports;
  const writing = createBackground(log, 'what objects name is not kept on disk');
  const get = async (key: string): Promise<Kept | undefined> => {
    const found = states.get(key);
    return found === undefined ? undefined : opened(found, ports);
  };
  /** With the pull secrets of the accounts among them. */
  const reached = async (named: ReadonlySet<string>): Promise<ReadonlySet<string>> => {
    const accounts = [...named].flatMap((key) => dataRefOf(key) ?? []).filter(({ kind }) => kind === 'ServiceAccount');
    const found = await Promise.all(
      accounts.map(async (ref) => {
        const kept = await get(dataKey(ref));
        return kept === undefined ? [] : pullSecretRefs([asData(kept.object, ref, '')]);
      }),
    );
    return new Set([...named, ...found.flat().map(dataKey)]);
  };
  return {
    keep: (object, clusterUid) => {
      if (clusterUid !== '') writing.add(put(object, clusterUid, ports));
    },
    forget: (ref, clusterUid) => {
      if (states.get(dataKey(ref))?.clusterUid === clusterUid) writing.add(states.remove(dataKey(ref)));
    },
    get: (ref) => get(dataKey(ref)),
    lost: async (named, clusterUid) => {
      const keys = [...(await reached(named))].filter((key) => /^(?:Secret|ConfigMap)\//.test(key));
      const others = keys.flatMap((key) => states.get(key) ?? []).filter((one) => one.clusterUid !== clusterUid);
      return (await Promise.all(others.map((one) => opened(one, ports)))).flatMap((one) => one ?? []);
    },
    trim: async (named) => {
      await writing.settle();
      const dropped = await states.retain(await reached(named));
      if (dropped > 0) log.info('what no object names any more is off the disk', { dropped });
    },
    settle: () => writing.settle(),
  };
}

const sealerOf = async (key: string, ports: VaultPorts): Promise<Sealer> =>
  sealer(agentSource(await ports.key('')), key);

/** Undefined, and told, when it cannot be opened. */
async function opened({ key, clusterUid, object }: DeclaredRecord, ports: VaultPorts): Promise<Kept | undefined> {
  try {
    const sealed = Buffer.from(textAt(object, 'sealed') ?? '', 'base64');
    const open = fromJson(Buffer.from((await sealerOf(key, ports)).open(sealed)).toString('utf8'));
    return isObject(open) && isKube(open) ? { key, clusterUid, object: open } : undefined;
  } catch (error) {
    ports.log.warn('what objects name cannot be read from disk', { object: key, error: asFault(error).message });
    return undefined;
  }
}

async function put(object: KubeObject, clusterUid: string, ports: VaultPorts): Promise<void> {
  const key = `${object.kind}/${textAt(object.metadata, 'namespace') ?? ''}/${object.metadata.name}`;
  const json = Buffer.from(toJson(reduced(object)));
  const sealed = Buffer.from((await sealerOf(key, ports)).seal(json)).toString('base64');
  await ports.states.put({ key, clusterUid, object: { sealed } });
}

/** What somebody has written of an object; of an account only what it names. */
function reduced({ apiVersion, kind, metadata, ...rest }: KubeObject): JsonObject {
  const account = kind === 'ServiceAccount';
  const picked = (from: JsonObject, names: readonly string[]): JsonObject =>
    Object.fromEntries(names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]] as const])));
  const meta = account ? ['name', 'namespace'] : ['name', 'namespace', 'labels', 'annotations'];
  const fields = account ? ['imagePullSecrets'] : ['type', 'immutable', 'data', 'binaryData'];
  return { apiVersion, kind, metadata: picked(metadata, meta), ...picked(rest, fields) };
}
