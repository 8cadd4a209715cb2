import type { FieldSpec, Image } from '../load/types.ts';
import { expectKind, fieldOf, getField } from '../node/fields.ts';
import { kindOf } from '../resource/meta.ts';
import { compilePattern, type Pattern } from '../resource/patterns.ts';
import { type ResMap, touch } from '../resource/resmap.ts';
import { isGone, nodeOf } from '../resource/resource.ts';
import { MAPPING, type Node, SCALAR, SEQUENCE } from '../yaml/node.ts';
import { applyFieldSpecs, setPlain } from './fieldspec.ts';

/** Changes images by name (ImageTagTransformer): the name is a pattern, as in kustomize. */
export function imageTransformer(image: Image, specs: readonly FieldSpec[]): (map: ResMap) => void {
  return (map) => {
    if (map.list.length === 0) return;
    // A bad pattern shows only where there is an image.
    let pattern: Pattern | undefined;
    touch(map);
    const set = (node: Node): void => {
      expectKind(node, SCALAR);
      pattern ??= compilePattern(`^${image.name ?? ''}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`);
      if (pattern.test(node.value)) setPlain(node, imageText(node.value, image));
    };
    for (const res of map.list)
      if (!isGone(res) && kindOf(res.node) !== 'CustomResourceDefinition') walk(nodeOf(res), set);
    for (const res of map.list)
      if (!isGone(res) && kindOf(res.node) !== 'CustomResourceDefinition')
        applyFieldSpecs(nodeOf(res), specs, { set, createKind: 0, createTag: '' });
  };
}

/** Finds `containers` and `initContainers` anywhere in an object. */
function walk(node: Node, set: (node: Node) => void): void {
  if (node.kind === SEQUENCE) {
    for (const item of node.content) if (item.kind !== SCALAR) walk(item, set);
  }
  if (node.kind !== MAPPING) return;
  for (let i = 0; i + 1 < node.content.length; i += 2) {
    const key = (node.content[i] as Node).value;
    const value = node.content[i + 1] as Node;
    if (value.kind !== SCALAR) walk(value, set);
    if ((key !== 'containers' && key !== 'initContainers') || value.kind !== SEQUENCE) continue;
    if (fieldOf(node, key) !== value) continue;
    for (const container of value.content) {
      const found = getField(container, 'image');
      if (found !== undefined) set(found);
    }
  }
}

/** Name, tag and digest of an image reference. */
export function splitImage(text: string): { name: string; tag: string; digest: string } {
  const slash = Math.max(text.indexOf('/'), 0);
  const at = text.indexOf('@', slash);
  const colon = text.indexOf(':', slash);
  if (at >= 0 && (colon < 0 || at < colon)) return { name: text.slice(0, at), tag: '', digest: text.slice(at + 1) };
  if (colon < 0) return { name: text, tag: '', digest: '' };
  const end = at < 0 ? text.length : at;
  return { name: text.slice(0, colon), tag: text.slice(colon + 1, end), digest: at < 0 ? '' : text.slice(at + 1) };
}

function imageText(text: string, image: Image): string {
  let { name, tag, digest } = splitImage(text);
  const { newName = '', newTag = '', digest: newDigest = '', tagSuffix = '' } = image;
  if (newName !== '') name = newName;
  if (newTag !== '' || newDigest !== '') [tag, digest] = [newTag, newDigest];
  else if (tagSuffix !== '') [tag, digest] = [tag + tagSuffix, ''];
  return name + (tag === '' ? '' : `:${tag}`) + (digest === '' ? '' : `@${digest}`);
}
