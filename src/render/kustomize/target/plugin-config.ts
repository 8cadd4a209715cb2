import { isObject, type Json, type Limits } from '../../../model/index.ts';
import { decodeStruct, type Shape, wholeFloat } from '../load/struct.ts';
import { type Resource, toJsonValue } from '../resource/resource.ts';
import { type Draft, define } from '../yaml/decode.ts';
import { emitYaml } from '../yaml/emit.ts';
import { yamlToJson } from '../yaml/legacy.ts';
import { MAPPING, type Node, SCALAR, TAG_NULL } from '../yaml/node.ts';
import { parseDocument } from '../yaml/parse.ts';

/** What configures a built-in plugin. */
export type Config = Readonly<Record<string, unknown>>;

/** As sigs.k8s.io/yaml reads into a struct. */
export const LENIENT = { strict: false, coerce: true };

/** A field that is text; '' where it is none. */
export function textOf(c: Config, name: string): string {
  const found = c[name];
  return typeof found === 'string' ? found : '';
}

/** How a plugin reads its configuration. */
export interface ConfigReading {
  readonly shape: Shape;
  /** By go-yaml v3, not through JSON. */
  readonly direct: boolean;
}

/** The configuration of a plugin: what it reads is the text of its resource. Fails where a field does not fit. */
export function readConfig(res: Resource, { shape, direct }: ConfigReading, limits: Limits): Config {
  const json = toJsonValue(res, limits);
  const text = emitYaml(isObject(json) ? json : {});
  const mode = direct ? { ...LENIENT, exact: true } : LENIENT;
  const found = direct ? withTexts(parseDocument(text, limits)) : yamlToJson(text, limits, { wholeFloat });
  return decodeStruct(found, shape, mode) as Config;
}

/** A node with the text of each scalar as it stands, nulls apart. */
function withTexts(node: Node | undefined): Json {
  if (node === undefined || node.tag === TAG_NULL) return null;
  if (node.kind === SCALAR) return node.value;
  if (node.kind !== MAPPING) return node.content.map(withTexts);
  const out: Draft = {};
  for (let i = 0; i + 1 < node.content.length; i += 2)
    define(out, node.content[i]?.value ?? '', withTexts(node.content[i + 1]));
  return out;
}
