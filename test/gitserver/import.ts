import { AUTHOR } from './git.ts';

/** What a path becomes: text or bytes of a file, an executable, a symbolic link, a submodule, or null: deleted. */
export type Change =
  | string
  | Uint8Array
  | null
  | { readonly exec: string | Uint8Array }
  | { readonly link: string }
  | { readonly submodule: string };

export type Changes = Readonly<Record<string, Change>>;

export interface CommitOptions {
  /** Default `main`. */
  readonly branch?: string;
  readonly message?: string;
  /** Seconds since 1970; default: a minute after the repository's last commit, so that the same calls give the same ids. */
  readonly date?: number;
  readonly author?: { readonly name: string; readonly email: string };
  /** Empties the tree first. */
  readonly replace?: boolean;
  /** Parent, where it is not the branch's head; an id. */
  readonly from?: string;
  /** A second parent: a merge. */
  readonly merge?: string;
}

type Resolved = CommitOptions & { readonly branch: string; readonly date: number; readonly parent: string | undefined };

const data = (content: string | Uint8Array): (string | Uint8Array)[] => [
  `data ${Buffer.byteLength(content)}\n`,
  content,
  '\n',
];

/** A path in the form that git fast-import reads. */
function quoted(path: string): string {
  if (!/["\n\\]/.test(path)) return path;
  return `"${path.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

function change(path: string, value: Change): (string | Uint8Array)[] {
  const name = quoted(path);
  if (value === null) return [`D ${name}\n`];
  if (typeof value === 'string' || value instanceof Uint8Array) return [`M 100644 inline ${name}\n`, ...data(value)];
  if ('exec' in value) return [`M 100755 inline ${name}\n`, ...data(value.exec)];
  if ('link' in value) return [`M 120000 inline ${name}\n`, ...data(value.link)];
  return [`M 160000 ${value.submodule} ${name}\n`];
}

/** The stream of one commit for git fast-import; it answers with the commit's id. */
export function commitStream(changes: Changes, options: Resolved): (string | Uint8Array)[] {
  const { name, email } = options.author ?? AUTHOR;
  const who = `${name} <${email}> ${options.date} +0000`;
  return [
    `commit refs/heads/${options.branch}\nmark :1\nauthor ${who}\ncommitter ${who}\n`,
    ...data(options.message ?? 'Change'),
    options.parent === undefined ? '' : `from ${options.parent}\n`,
    options.merge === undefined ? '' : `merge ${options.merge}\n`,
    options.replace === true ? 'deleteall\n' : '',
    ...Object.entries(changes).flatMap(([path, value]) => change(path, value)),
    '\nget-mark :1\ndone\n',
  ];
}

/** One entry of a tree object, written without any check. */
export interface TreeEntry {
  /** Such as `100644`, `40000`, `120000`. */
  readonly mode: string;
  readonly name: string | Uint8Array;
  readonly id: string;
}

/** Bytes of a tree object exactly as given: wrong order, `..`, slashes and doubles included. */
export function treeBytes(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat(
    entries.flatMap(({ mode, name, id }) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.from([0]),
      Buffer.from(id, 'hex'),
    ]),
  );
}

/** Merges references into the text of a packed-refs file (sorted, peeled values kept). */
export function mergePackedRefs(text: string, more: readonly (readonly [string, string])[]): string {
  const rows = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('^')) rows.set(last, `${rows.get(last) ?? ''}${line}\n`);
    else if (line !== '' && !line.startsWith('#')) {
      last = line.slice(line.indexOf(' ') + 1);
      rows.set(last, `${line}\n`);
    }
  }
  for (const [ref, id] of more) rows.set(ref, `${id} ${ref}\n`);
  const sorted = [...rows].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `# pack-refs with: peeled fully-peeled sorted \n${sorted.map(([, row]) => row).join('')}`;
}
