import { readFileSync, statSync } from 'node:fs';
import { AGENT_ROOT, type DataObject, TRUSTED_ROOT } from '../src/flux/index.ts';
import { Fault } from '../src/model/index.ts';

/** The agent's own Sigstore trusted root as the data of an object in a namespace, read anew at each call. */
export type TrustedRootFile = (namespace: string) => DataObject;

const MOST_BYTES = 512 * 1024;

/** Reads the file; undefined where none is configured (''). One that cannot be read throws Fault `signature-keys`. */
export function trustedRoot(file: string): TrustedRootFile | undefined {
  if (file === '') return undefined;
  const origin = `verification.trustedRootFile ${file}`;
  return (namespace) => ({
    kind: 'Secret',
    name: AGENT_ROOT,
    namespace,
    type: 'Opaque',
    data: new Map([[TRUSTED_ROOT, bytesOf(file, origin)]]),
    origin,
  });
}

function bytesOf(file: string, origin: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size > MOST_BYTES) throw new Fault('signature-keys', `${origin}: ${size} bytes are no trusted root`);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Fault('signature-keys', `${origin} cannot be read (${code})`, { cause: error });
  }
}
