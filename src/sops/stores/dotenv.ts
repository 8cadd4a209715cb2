import type { Json } from '../../model/index.ts';
import { refuse } from '../fault.ts';
import { asText, type Branch, type Item, leaf, text } from '../tree.ts';
import { unflatten } from './flatten.ts';

const PREFIX = 'sops_';

/** Lines `KEY=value`, with the metadata in lines of their own. Throws `decryption-failed`. */
export function readDotenv(input: string, where: string): { readonly branch: Branch; readonly metadata: Json } {
  const items: Item[] = [];
  const metadata: [string, string][] = [];
  for (const [i, line] of input.split('\n').entries()) {
    if (line === '') continue;
    const equals = line.indexOf('=');
    if (line.startsWith('#')) items.push({ key: undefined, value: leaf({ type: 'comment', text: line.slice(1) }) });
    else if (equals < 0) throw refuse(where, `line ${i + 1}: invalid dotenv input line: there is no "="`);
    else {
      const key = line.slice(0, equals);
      const value = line.slice(equals + 1).replaceAll('\\n', '\n');
      if (key.startsWith(PREFIX)) metadata.push([key.slice(PREFIX.length), value]);
      else items.push({ key, value: text(value) });
    }
  }
  return { branch: { kind: 'branch', items }, metadata: metadata.length === 0 ? null : unflatten(metadata, where) };
}

/** The same as lines; of values only text can be written. Throws `decryption-failed`. */
export function writeDotenv(branch: Branch, where: string): Uint8Array {
  const lines = branch.items.map(({ key, value }) => {
    if (value.kind !== 'leaf') throw refuse(where, `cannot use complex value in dotenv file: key ${key ?? ''}`);
    const bytes = asText(value.scalar);
    if (key === undefined) return Buffer.concat([Buffer.from('#'), bytes, Buffer.from('\n')]);
    return Buffer.concat([Buffer.from(`${key}=`), escaped(bytes), Buffer.from('\n')]);
  });
  return Buffer.concat(lines);
}

/** Bytes, for a value need not be UTF-8. */
function escaped(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('\n', '\\n'), 'latin1');
}
