import type { YamlLimits } from './limits.ts';
import { UNWRITABLE } from './schema.ts';

export interface ValueCount {
  /** Keys of all maps. */
  readonly keys: number;
  /** What is wrong with the value, for a person; undefined when nothing is. */
  readonly problem: string | undefined;
}

type Bounds = Pick<YamlLimits, 'yamlNodes' | 'yamlDepth'>;

/** Walks a value, shared parts as often as they occur, so that an alias bomb or a cycle ends at the limit. */
export function checkValue(value: unknown, limits: Bounds): ValueCount {
  let nodes = 0;
  let keys = 0;
  let problem: string | undefined;
  const walk = (here: unknown, depth: number): void => {
    if (problem !== undefined) return;
    nodes++;
    if (nodes > limits.yamlNodes)
      problem = `more values than limits.yamlNodes = ${limits.yamlNodes}, aliases counted as often as they are used`;
    else if (depth > limits.yamlDepth) problem = `nested deeper than limits.yamlDepth = ${limits.yamlDepth}`;
    else if (here === UNWRITABLE || (typeof here === 'number' && !Number.isFinite(here))) {
      problem = 'infinity and not-a-number are no JSON values';
    } else if (Array.isArray(here)) for (const item of here) walk(item, depth + 1);
    else if (typeof here === 'object' && here !== null) {
      for (const key of Object.keys(here)) {
        keys++;
        walk((here as Record<string, unknown>)[key], depth + 1);
      }
    }
  };
  walk(value, 0);
  return { keys, problem };
}

/** Keys written in a valid JSON text: more than the parsed value has when one stands twice. */
export function countJsonKeys(text: string): number {
  let keys = 0;
  let at = text.indexOf('"');
  while (at >= 0) {
    let end = text.indexOf('"', at + 1);
    while (end >= 0 && escaped(text, end)) end = text.indexOf('"', end + 1);
    if (end < 0) return keys;
    let next = end + 1;
    while (next < text.length && text.charCodeAt(next) <= 32) next++;
    if (text[next] === ':') keys++;
    at = text.indexOf('"', end + 1);
  }
  return keys;
}

function escaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}
