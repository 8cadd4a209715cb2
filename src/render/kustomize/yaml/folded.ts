import { analyze } from './analyze.ts';
import type { Node } from './node.ts';
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
