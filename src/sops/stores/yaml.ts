import { Fault, type Limits } from '../../model/index.ts';
import {
  ALIAS,
  MAPPING,
  type Node,
  parseYamlNode,
  resolve12,
  SCALAR,
  SEQUENCE,
  STYLE_QUOTED,
  STYLE_TAGGED,
} from '../../render/kustomize/index.ts';
import { refuse, shown } from '../fault.ts';
import { type Branch, type Item, leaf, type Scalar, text, type Value } from '../tree.ts';
import { fits64 } from '../value.ts';

/** One document of a YAML text. */
export interface YamlDocument {
  /** Where its lines begin and end in the text, without the separator. */
  readonly from: number;
  readonly to: number;
  readonly branch: Branch;
}

export type YamlBounds = Pick<Limits, 'yamlDepth' | 'yamlNodes'>;

/**
 * The documents of a YAML text, as go-yaml v3 reads them for SOPS. Throws `decryption-failed`, but for documents that
 * cannot be read and that `skips` lets pass.
 */
export function readYaml(
  input: string,
  where: string,
  bounds: YamlBounds,
  skips: (part: string) => boolean = () => false,
): readonly YamlDocument[] {
  const documents: YamlDocument[] = [];
  for (const [from, to] of segments(input)) {
    const part = input.slice(from, to);
    try {
      const branch = readDocument(part, where, bounds);
      if (branch !== undefined) documents.push({ from, to, branch });
    } catch (error) {
      if (!skips(part)) throw error;
    }
  }
  return documents;
}

/** From where to where each document goes: between lines of `---`. */
function segments(input: string): readonly (readonly [from: number, to: number])[] {
  const out: [number, number][] = [];
  const separator = /^---[ \t]*(?:#.*)?$/gm;
  let from = 0;
  for (let m = separator.exec(input); m !== null; m = separator.exec(input)) {
    if (m.index > 0) out.push([from, m.index]);
    from = Math.min(input.length, m.index + m[0].length + 1);
  }
  out.push([from, input.length]);
  return out;
}

function readDocument(part: string, where: string, bounds: YamlBounds): Branch | undefined {
  try {
    const root = parseYamlNode(part, bounds);
    if (root === undefined || (root.kind === SCALAR && root.tag === '!!null')) return undefined;
    if (root.kind !== MAPPING) throw refuse(where, 'YAML documents that are no maps are not supported');
    return branchOf({ where, left: bounds.yamlNodes, inside: new Set() }, root);
  } catch (error) {
    // What the reader says may quote the text, which is encrypted at most.
    if (error instanceof Fault && error.code === 'build-failed')
      throw refuse(where, `error unmarshaling input YAML: ${error.message}`, error);
    throw error;
  }
}

interface Walk {
  readonly where: string;
  left: number;
  readonly inside: Set<Node>;
}

function branchOf(walk: Walk, node: Node): Branch {
  const items: Item[] = [];
  const seen = new Set<string>();
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = keyOf(walk, node.content[i] as Node);
    if (seen.has(key)) throw refuse(walk.where, `mapping key "${shown(key)}" already defined`);
    seen.add(key);
    items.push({ key, value: valueIn(walk, node.content[i + 1] as Node) });
  }
  return { kind: 'branch', items };
}

function keyOf(walk: Walk, node: Node): string {
  const target = node.kind === ALIAS ? node.alias : node;
  const scalar = target?.kind === SCALAR ? scalarOf(walk, target) : undefined;
  if (scalar?.type !== 'str') throw refuse(walk.where, 'only string keys are supported: put keys in quotes');
  return Buffer.from(scalar.bytes).toString('utf8');
}

function valueIn(walk: Walk, node: Node): Value {
  if (--walk.left < 0) throw refuse(walk.where, 'it has more values than limits.yamlNodes');
  if (node.kind === SCALAR) return leaf(scalarOf(walk, node));
  if (node.kind === SEQUENCE) return { kind: 'list', items: node.content.map((item) => valueIn(walk, item)) };
  if (node.kind === MAPPING) return branchOf(walk, node);
  const target = node.alias;
  if (target === undefined || walk.inside.has(target)) throw refuse(walk.where, 'an anchor contains itself');
  walk.inside.add(target);
  const value = valueIn(walk, target);
  walk.inside.delete(target);
  return value;
}

const KNOWN: ReadonlySet<string> = new Set(['!!bool', '!!int', '!!float', '!!null', '!!timestamp']);

function scalarOf(walk: Walk, node: Node): Scalar {
  const { value, tag } = node;
  const tagged = (node.style & STYLE_TAGGED) !== 0;
  if (tagged && tag === '!!binary') return { type: 'str', bytes: Buffer.from(value, 'base64') };
  if (tagged ? !KNOWN.has(tag) : (node.style & STYLE_QUOTED) !== 0) return text(value).scalar;
  const found = resolve12(value);
  if (tagged && found.tag !== tag && !(tag === '!!float' && found.tag === '!!int'))
    throw refuse(walk.where, `a value does not fit its tag ${shown(tag)}`);
  return plainScalar(walk, found);
}

function plainScalar(walk: Walk, found: ReturnType<typeof resolve12>): Scalar {
  const { tag, value } = found;
  if (tag === '!!null') return { type: 'null' };
  if (tag === '!!timestamp') return { type: 'time', text: String(value) };
  if (typeof value === 'boolean') return { type: 'bool', value };
  if (tag === '!!float') return { type: 'float', value: Number(value) };
  if (typeof value === 'string' || value === null) return text(String(value)).scalar;
  const integer = BigInt(value);
  if (!fits64(integer)) throw refuse(walk.where, 'an integer of more than 64 bits is not supported: put it in quotes');
  return { type: 'int', value: integer };
}
