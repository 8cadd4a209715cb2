import { isObject, type Json } from '../../../model/index.ts';
import { BuildError, fail, overLimit } from '../errors.ts';
import { expandAliases } from '../node/anchors.ts';
import { fieldOf } from '../node/fields.ts';
import type { Build } from '../options.ts';
import { decodeDirectly } from '../yaml/decode.ts';
import { fromJsonText } from '../yaml/from-json.ts';
import { isNilOrEmpty, MAPPING, type Node, STYLE_CLOSED, TAG_NULL } from '../yaml/node.ts';
import { newMarks } from '../yaml/notes.ts';
import { parseDocument } from '../yaml/parse.ts';
import { kindOf, nameOf, namespaceOf, textMap } from './meta.ts';
import { makeResource, type Resource } from './resource.ts';

/** What Go's strings.TrimSpace leaves; unlike trim() it leaves U+FEFF, and takes U+0085. */
const NOT_GO_SPACE = /[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Splits a text at lines that begin with `---`; what follows on such a line may only be a comment. */
function splitDocuments(text: string): string[] {
  const parts: string[] = [];
  const pattern = /\n---[^\n]*\n/g;
  let from = 0;
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const after = NOT_GO_SPACE.exec(m[0].slice(4))?.[0] ?? '#';
    if (after !== '#') fail(`invalid document separator: ${m[0].trim()}`);
    parts.push(`${text.slice(from, m.index)}\n`);
    from = m.index + m[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** The header of a block that keeps its last line breaks. */
const KEEPS = /[|>](?:\+\d?|\d\+)[ \t]*(?:#.*)?\r?$/m;

/**
 * True where go-yaml v3 finds comments of the document itself at its end, and none before them that belong to its last field:
 * an empty line is written above the document's, right below that field.
 */
function isClosed(text: string, build: Build): boolean {
  const marks = newMarks();
  let node = parseDocument(text, build.limits, marks);
  for (; node !== undefined; node = node.content.at(-1))
    for (const last of node.content.slice(-2)) if ((marks.comments.get(last)?.foot ?? '') !== '') return false;
  return marks.document.foot !== '';
}

function parseOne(text: string, build: Build): Node | undefined {
  try {
    const root = parseDocument(text, build.limits);
    if (root !== undefined && text.includes('+') && KEEPS.test(text) && isClosed(text, build))
      root.style |= STYLE_CLOSED;
    return root;
  } catch (error) {
    if (error instanceof BuildError) throw new BuildError(`MalformedYAMLError: ${error.message}`, true);
    throw error;
  }
}

/** The documents of a text, parsed or, where a build before had the same text, copied. */
function readNodes(text: string, build: Build): Node[] {
  const known = build.parsed?.get(text);
  if (known !== undefined) return known;
  const nodes = parseNodes(text, build);
  build.parsed?.put(text, nodes);
  return nodes;
}

/** The documents of a text; a lone List is its items (kio.FromBytes). */
function parseNodes(text: string, build: Build): Node[] {
  const parts = splitDocuments(text.includes('\r') ? text.replaceAll('\r\n', '\n') : text);
  const out: Node[] = [];
  for (const part of parts) {
    const node = parseOne(part, build);
    if (node === undefined || node.tag === TAG_NULL) continue;
    const kind = kindOf(node);
    const items = fieldOf(node, 'items');
    const wraps = parts.length === 1 && (kind === 'List' || kind === 'ResourceList');
    if (wraps && (items !== undefined || fieldOf(node, 'functionConfig') !== undefined))
      for (const item of items?.content ?? []) out.push(item);
    else out.push(node);
    if (out.length > build.limits.renderObjects)
      overLimit('renderObjects', build.limits.renderObjects, 'a file holds too many objects');
  }
  return out.map((node) => expandAliases(node, build.limits));
}

/** What Go prints for the metadata of an object. */
function metaText(node: Node): string {
  const list = (field: 'labels' | 'annotations'): string =>
    [...textMap(node, field)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${k}:${v}`)
      .join(' ');
  const apiVersion = fieldOf(node, 'apiVersion')?.value ?? '';
  return `{{${apiVersion} ${kindOf(node)}} {{${nameOf(node)} ${namespaceOf(node)}} map[${list('labels')}] map[${list('annotations')}]}}`;
}

/** Fails unless a node has what every resource must have (GetValidatedMetadata). */
export function checkMetadata(node: Node): void {
  const any = ['apiVersion', 'kind', 'metadata'].some((name) => !isNilOrEmpty(fieldOf(node, name)));
  if (node.kind !== MAPPING || !any) fail('missing Resource metadata');
  const kind = isNilOrEmpty(fieldOf(node, 'kind')) ? '' : kindOf(node);
  if (kind === '') fail(`missing kind in object ${metaText(node)}`);
  if (!kind.endsWith('List') && nameOf(node) === '') fail(`missing metadata.name in object ${metaText(node)}`);
}

function withoutEmpties(nodes: readonly Node[]): Node[] {
  const kept = nodes.filter((node) => !isNilOrEmpty(node));
  for (const node of kept) checkMetadata(node);
  return kept;
}

/** Lists of any kind are replaced by their items, which come after everything else. */
function inlineLists(nodes: readonly Node[], build: Build): Node[] {
  const out: Node[] = [];
  const queue = [...nodes];
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i] as Node;
    if (!kindOf(node).endsWith('List')) {
      out.push(node);
      continue;
    }
    const items = listItems(node, build);
    if (items === undefined) out.push(node);
    else for (const item of items) queue.push(item);
    if (queue.length > build.limits.renderObjects)
      overLimit('renderObjects', build.limits.renderObjects, 'a List holds too many objects');
  }
  return out;
}

function listItems(node: Node, build: Build): Node[] | undefined {
  const value = decodeDirectly(node, build.limits);
  if (!isObject(value) || !Object.hasOwn(value, 'items')) return undefined;
  const items = value['items'] as Json;
  if (items === null) return [];
  if (!Array.isArray(items)) return fail(`expected array in ${kindOf(node)}/items, but found ${typeof items}`);
  return withoutEmpties(items.filter((item) => item !== null).map((item) => fromJsonText(item as Json)));
}

/** Resources of a YAML or JSON text (resource.Factory SliceFromBytes). */
export function resourcesFromText(text: string, build: Build): Resource[] {
  const nodes = inlineLists(withoutEmpties(readNodes(text, build)), build);
  return nodes.map((node) => makeResource(node, build.scopes));
}
