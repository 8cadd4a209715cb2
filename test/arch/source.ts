import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface Import {
  /** As written. */
  readonly spec: string;
  /** Path from the root when it is a file of ours, else ''. */
  readonly file: string;
  readonly line: number;
  /** Loaded when called, by `import()`. */
  readonly lazy: boolean;
}

export interface SourceFile {
  /** From the root, with '/'. */
  readonly path: string;
  readonly text: string;
  /** The text with the insides of comments and strings blanked, same length and lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** A regular expression may begin where a value may begin. */
const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+~<>%*/^-]|\breturn|\btypeof|\bcase|=>)\s*$/;

/** Where the token that begins at `at` ends, for comments, strings and regular expressions; `at` when it is none. */
function skip(text: string, at: number): number {
  const two = text.slice(at, at + 2);
  if (two === '//') {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end;
  }
  if (two === '/*') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  const first = text[at] ?? '';
  if (first === "'" || first === '"') return endOf(text, at, first);
  if (first === '/' && BEFORE_REGEX.test(text.slice(Math.max(0, at - 20), at))) return endOfRegex(text, at);
  return at;
}

function endOf(text: string, at: number, quote: string): number {
  let i = at + 1;
  while (i < text.length && text[i] !== quote && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function endOfRegex(text: string, at: number): number {
  let inClass = false;
  let i = at + 1;
  for (; i < text.length && text[i] !== '\n'; i += text[i] === '\\' ? 2 : 1) {
    if (text[i] === '[') inClass = true;
    else if (text[i] === ']') inClass = false;
    else if (text[i] === '/' && !inClass) return i + 1;
  }
  return at + 1;
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** Blanks comments, strings and regular expressions; the `${}` parts of templates stay. */
export function codeOf(text: string): string {
  let out = '';
  // Depth of braces at which each open template goes on.
  const templates: number[] = [];
  let depth = 0;
  let i = 0;
  const template = (from: number): void => {
    let j = from;
    while (j < text.length && text[j] !== '`' && text.slice(j, j + 2) !== '${') j += text[j] === '\\' ? 2 : 1;
    out += blank(text.slice(i, j));
    if (text[j] === '`') {
      out += '`';
      i = j + 1;
    } else {
      templates.push(depth);
      out += ' {';
      depth += 1;
      i = j + 2;
    }
  };
  while (i < text.length) {
    const end = skip(text, i);
    const c = text[i] ?? '';
    if (end > i) {
      const quoted = c === "'" || c === '"';
      out += quoted ? c + blank(text.slice(i + 1, end - 1)) + c : blank(text.slice(i, end));
      i = end;
    } else if (c === '`') {
      out += '`';
      i += 1;
      template(i);
    } else if (c === '}' && templates.at(-1) === depth - 1) {
      depth -= 1;
      templates.pop();
      out += '}';
      i += 1;
      template(i);
    } else {
      if (c === '{') depth += 1;
      if (c === '}') depth -= 1;
      out += c;
      i += 1;
    }
  }
  return out;
}

export const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;

const IMPORT = /\bimport\s*\(\s*(['"])|\bfrom\s*(['"])|\bimport\s*(['"])/g;

function importsOf(path: string, text: string, code: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const open = match.index + match[0].length;
    const spec = text.slice(open, text.indexOf(text[open - 1] ?? '', open));
    const file = spec.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(path), spec)).replaceAll('\\', '/') : '';
    // `import('x').T` in a type is an import of a type, not of code.
    const lazy = match[1] !== undefined && !/^\s*\)\s*\.\s*[A-Z]/.test(code.slice(open + spec.length + 1));
    found.push({ spec, file, line: lineOf(text, open), lazy });
  }
  return found;
}

/** Reads one source text as if it were a file at `path`. */
export function parse(path: string, text: string): SourceFile {
  const code = codeOf(text);
  return { path, text, code, imports: importsOf(path, text, code) };
}

function walk(folder: string, ext: RegExp): readonly string[] {
  const names: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!['node_modules', 'testdata', 'dist'].includes(entry.name)) names.push(...walk(path, ext));
    } else if (ext.test(entry.name)) names.push(path);
  }
  return names.sort();
}

/** Every TypeScript file below these folders of the repository. */
export function sources(...folders: readonly string[]): readonly SourceFile[] {
  return folders
    .flatMap((folder) => walk(folder, /\.ts$/))
    .map((path) => parse(path, readFileSync(join(ROOT, path), 'utf8')));
}
