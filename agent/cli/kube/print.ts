import type { Json, KubeObject } from '../../../src/model/index.ts';
import { DEFAULT_LIMITS, toJson } from '../../../src/model/index.ts';
import { type Cell, painter, table } from '../../../src/report/index.ts';
import { type CliIo, wantsColor } from '../io.ts';
import { readable } from './objects.ts';

/** How a command prints objects. */
export type Format = 'table' | 'json' | 'yaml';

/** Reads `-o`; undefined for what is none. */
export function formatOf(output: string | undefined): Format | undefined {
  if (output === undefined || output === 'table' || output === 'text') return 'table';
  return output === 'json' || output === 'yaml' ? output : undefined;
}

/** A table whose later rows are as wide as its earlier ones. */
export function tableOn(io: CliIo): (rows: readonly (readonly Cell[])[]) => void {
  const paint = painter(wantsColor(io));
  const widths: number[] = [];
  return (rows) => {
    for (const line of table(rows, paint, widths)) io.stdout(`${line}\n`);
  };
}

/** A writer of YAML, which is loaded when it is needed. */
export async function yamlWriter(): Promise<(value: Json) => string> {
  const { emitObject } = await import('../../../src/render/kustomize/index.ts');
  return (value) => emitObject(value as KubeObject, DEFAULT_LIMITS);
}

/** JSON for people, big integers digit by digit. */
export const prettyJson = (value: Json): string => `${indented(value)}\n`;

function indented(value: Json): string {
  if (!/[0-9]{16}/.test(toJson(value))) return JSON.stringify(value, undefined, 2);
  // JSON.stringify cannot indent what toJson writes raw.
  return toJson(value);
}

/** One object as it is, or all of them as a List. */
export async function printObjects(
  objects: readonly KubeObject[],
  how: { readonly format: 'json' | 'yaml'; readonly single: boolean },
  io: CliIo,
): Promise<void> {
  const shown = objects.map(readable);
  const [only] = shown;
  const value: Json = how.single && only !== undefined ? only : { apiVersion: 'v1', kind: 'List', items: shown };
  io.stdout(how.format === 'json' ? prettyJson(value) : (await yamlWriter())(value));
}
