import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_KEYS, type DataObject } from '../src/flux/index.ts';
import { byCodeUnit, Fault } from '../src/model/index.ts';

/** Where the agent's own keys for decryption are; '' for nowhere. */
export interface KeyFiles {
  readonly ageKeyFile: string;
  readonly keyDir: string;
}

/** The keys as the data of an object in a namespace, read anew at each call; undefined when none are configured. */
export type AgentKeys = (namespace: string) => DataObject | undefined;

const MOST_BYTES = 256 * 1024;
const MOST_FILES = 100;

/** Reads the agent's own keys. A file that cannot be read throws Fault `decryption-failed`. */
export function agentKeys({ ageKeyFile, keyDir }: KeyFiles): AgentKeys {
  if (ageKeyFile === '' && keyDir === '') return () => undefined;
  const origin = ageKeyFile === '' ? `decryption.keyDir ${keyDir}` : `decryption.ageKeyFile ${ageKeyFile}`;
  return (namespace) => {
    const data = new Map<string, Uint8Array>();
    if (ageKeyFile !== '') data.set('file.agekey', readKeys(ageKeyFile));
    for (const name of keyDir === '' ? [] : namesIn(keyDir)) data.set(`dir/${name}`, readKeys(join(keyDir, name)));
    return { kind: 'Secret', name: AGENT_KEYS, namespace, type: 'Opaque', data, origin };
  };
}

function namesIn(folder: string): readonly string[] {
  const names = reading(folder, () => readdirSync(folder)).filter((name) => /\.(?:agekey|asc)$/.test(name));
  if (names.length > MOST_FILES)
    throw new Fault('decryption-failed', `${folder}: ${names.length} key files are more than ${MOST_FILES}`);
  return names.sort(byCodeUnit);
}

function readKeys(path: string): Uint8Array {
  return reading(path, () => {
    const { size } = statSync(path);
    if (size > MOST_BYTES) throw new Fault('decryption-failed', `${path}: ${size} bytes are no key file`);
    return readFileSync(path);
  });
}

function reading<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Fault('decryption-failed', `${path}: the keys for decryption cannot be read (${code})`, { cause: error });
  }
}
