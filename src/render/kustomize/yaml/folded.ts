import { fail } from '../errors.ts';
import { analyze } from './analyze.ts';
import { type Node, SCALAR, STYLE_DOUBLE, STYLE_FOLDED, STYLE_LITERAL, STYLE_SINGLE } from './node.ts';
import { parseDocument } from './parse.ts';

/**
 * What a folded scalar (`>`) has become when kustomize has written and read it once: go-yaml v3's writer adds a line break
 * before lines that are indented deeper, and that shows in the output.
 */
export function foldedValue(value: string): string {
  if (!value.includes('\n') || !analyze(value).block12 || /[\r\x85\u2028\u2029]/.test(value)) return value;
  const hint = value.startsWith(' ') || value.startsWith('\n') ? '2' : '';
  const chomp = !value.endsWith('\n') ? '-' : value === '\n' || value.endsWith('\n\n') ? '+' : '';
  const text = `a: >${hint}${chomp}\n${body(value)}${value.endsWith('\n') ? '' : '\n'}`;
  const read: Node | undefined = parseDocument(text, { yamlDepth: 10, yamlNodes: 10 });
  return read?.content[1]?.value ?? value;
}

/** True for a scalar that go-yaml v3 writes with `|` or `>`. */
export function isBlockScalar(node: Node): boolean {
  if (node.kind !== SCALAR || (node.style & (STYLE_DOUBLE | STYLE_SINGLE)) !== 0) return false;
  const asked = (node.style & (STYLE_LITERAL | STYLE_FOLDED)) !== 0 || node.value.includes('\n');
  return asked && analyze(node.value).block12;
}

/** The scalar, unless go-yaml v3 does not read what it writes for it: it takes a tab at the beginning for indentation. */
export function readable(node: Node): Node {
  if (node.value.startsWith('\t') && isBlockScalar(node))
    fail('yaml: found a tab character where an indentation space is expected');
  return node;
}

function body(value: string): string {
  const startsBlank = /^\n*(?:[ \t]|$)/.test(value);
  let out = '';
  let breaks = true;
  let deeper = true;
  for (const line of value.split(/(\n)/)) {
    if (line === '\n') {
      out += !breaks && !deeper && !startsBlank ? '\n\n' : '\n';
      breaks = true;
    } else if (line !== '') {
      deeper = line.startsWith(' ') || line.startsWith('\t');
      out += `  ${line}`;
      breaks = false;
    }
  }
  return out;
}
