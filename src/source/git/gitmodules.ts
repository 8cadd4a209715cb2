import { Fault, printable } from '../../model/index.ts';

/** A submodule as `.gitmodules` declares it. */
export interface Submodule {
  /** Path in the repository, clean. */
  readonly path: string;
  /** As it is written. */
  readonly url: string;
}

/**
 * Reads a `.gitmodules` file (gitmodules, git-config). Entries without path or URL are none. Nothing of it reaches a
 * command line or a file name; still, what only an attack would write is refused by name: Fault `source-refused`.
 */
export function parseGitmodules(text: string, limits: { readonly submodules: number }): readonly Submodule[] {
  const found = new Map<string, { path?: string; url?: string }>();
  let here: { path?: string; url?: string } | undefined;
  for (const { section, key, value } of configLines(text)) {
    if (section !== undefined) {
      const name = /^submodule\s*"(.*)"$/s.exec(section)?.[1];
      here = name === undefined ? undefined : (found.get(name) ?? {});
      if (name !== undefined && here !== undefined) found.set(name, here);
    } else if (here !== undefined && (key === 'path' || key === 'url')) here[key] = value;
    if (found.size > limits.submodules)
      throw new Fault(
        'source-bounds',
        `.gitmodules names more than ${limits.submodules} submodules (limits.submodules)`,
      );
  }
  return [...found.values()].flatMap(({ path, url }) =>
    path === undefined || url === undefined || path === '' || url === '' ? [] : [{ path: checkPath(path), url }],
  );
}

type ConfigLine =
  | { readonly section: string; readonly key?: never; readonly value?: never }
  | { readonly section?: never; readonly key: string; readonly value: string };

/** Section heads and settings, with quotes, escapes, comments and continued lines undone. */
function* configLines(text: string): Generator<ConfigLine> {
  const joined = text
    .replace(/^\ufeff/, '')
    .replace(/\r\n/g, '\n')
    .replace(/\\\n/g, '');
  for (const raw of joined.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const end = line.startsWith('[') ? headEnd(line) : 0;
    if (end > 0)
      yield {
        section: line
          .slice(1, end - 1)
          .trim()
          .replace(/\\(.)/g, '$1'),
      };
    const setting = /^([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$/.exec(line.slice(end).trim());
    if (setting !== null) yield { key: (setting[1] ?? '').toLowerCase(), value: unquoted(setting[2] ?? '') };
  }
}

/** Index behind the bracket that ends a section head; 0 when none does. */
function headEnd(line: string): number {
  let quoted = false;
  for (let i = 1; i < line.length; i++) {
    if (line[i] === '\\') i++;
    else if (line[i] === '"') quoted = !quoted;
    else if (line[i] === ']' && !quoted) return i + 1;
  }
  return 0;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };

function unquoted(text: string): string {
  let out = '';
  let solid = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '"') quoted = !quoted;
    else if (c === '\\') {
      const next = text[++i] ?? '';
      out += ESCAPES[next] ?? next;
    } else if (!quoted && (c === '#' || c === ';')) break;
    else out += c;
    if (quoted || !/\s/.test(c)) solid = out.length;
  }
  return out.slice(0, solid);
}

function checkPath(path: string): string {
  const parts = path.split('/');
  const bad = parts.some((part) => part === '..' || part === '.' || /^\.git$/i.test(part));
  if (bad || path.startsWith('/') || path.startsWith('-') || /[\\\0\n]/.test(path))
    throw new Fault('source-refused', `.gitmodules: the path '${printable(path)}' of a submodule is refused`);
  return parts.filter((part) => part !== '').join('/');
}

/**
 * The address of a submodule: absolute, or relative to that of the repository around it. Only http, https and ssh
 * (also as `user@host:path`) are taken; never a file, a helper (`ext::`) or what a program could take for an option.
 */
export function submoduleUrl(parent: string, { path, url }: Submodule): string {
  const refuse = (why: string): Fault =>
    new Fault('source-refused', `submodule '${printable(path)}': its url '${withoutUser(url)}' is refused: ${why}`);
  if (url.startsWith('-')) throw refuse('it has the form of an option');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(url)) throw refuse('it holds a space or control character');
  if (/^\.{1,2}(\/|$)/.test(url)) return relativeTo(parent, url, refuse);
  const scp = /^(?:([^@:/]+)@)?([^:/@]+):(?!\/\/)([^:].*)$/.exec(url);
  const absolute =
    scp === null ? url : `ssh://${scp[1] ?? 'git'}@${scp[2] ?? ''}/${(scp[3] ?? '').replace(/^\/+/, '')}`;
  if (!/^(https?|ssh):\/\//.test(absolute) || !URL.canParse(absolute))
    throw refuse('only http://, https:// and ssh:// are read');
  const host = new URL(absolute).hostname;
  if (host === '' || host.startsWith('-')) throw refuse('it names no host');
  return absolute;
}

/** As Git resolves it: `..` takes off a part of the parent's path, and never its host. */
function relativeTo(parent: string, url: string, refuse: (why: string) => Fault): string {
  const base = new URL(parent);
  const parts = base.pathname.split('/').filter((part) => part !== '');
  for (const step of url.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') parts.push(step);
    else if (parts.pop() === undefined) throw refuse('it leads out of the server');
  }
  base.pathname = `/${parts.join('/')}`;
  return base.href;
}

const withoutUser = (url: string): string => printable(url.replace(/\/\/[^/@]*@/, '//'));
