import { asFault, DEFAULT_LIMITS, isObject } from '../../src/model/index.ts';
import { parseDocuments } from '../../src/render/yaml/index.ts';
import { loadConfig, readConfig, readFile } from './load.ts';
import type { AgentConfig } from './types.ts';

/**
 * Where an agent of this AgentConfiguration can be asked. A mistake elsewhere in the file does not matter: the agent that
 * runs has read it before that was made. Fault `config-invalid` as of `loadConfig` where these two cannot be read.
 */
export async function loadPlace(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Pick<AgentConfig, 'listen' | 'stateDir'>> {
  try {
    return await loadConfig(path, env);
  } catch (error) {
    const found = asFault(error).code === 'config-invalid' ? placeIn(path, env) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

function placeIn(path: string, env: Readonly<Record<string, string | undefined>>): AgentConfig | undefined {
  try {
    const { documents } = parseDocuments(readFile(path), { file: path, limits: DEFAULT_LIMITS });
    const value = documents
      .map((one) => one.value)
      .find((one) => isObject(one) && one['kind'] === 'AgentConfiguration');
    if (!isObject(value)) return undefined;
    const kept = Object.entries(value).filter(([key]) => ['apiVersion', 'kind', 'listen', 'stateDir'].includes(key));
    // JSON is YAML.
    return readConfig(JSON.stringify({ ...Object.fromEntries(kept), cluster: { name: 'any' } }), path, env);
  } catch {
    // The mistake is in what is needed here: it was told already.
    return undefined;
  }
}
