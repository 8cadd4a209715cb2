import fc from 'fast-check';
import type { Repository } from './generate.ts';
import { pick } from './wide-parts.ts';

/* YAML texts inside of fields, with comments at every place, and replacements that change or add something in them. */

/** What stands at one place for comments: on lines of their own, by how far from the indent there, or behind something. */
interface Note {
  readonly lines: readonly number[];
  readonly blankBefore: boolean;
  readonly blankAfter: boolean;
  readonly behind: boolean;
}

const SHIFTS = pick(0, 0, 0, 0, 2, -2, 1, 4, -4);
const SOME: fc.Arbitrary<Note> = fc.record({
  lines: fc.array(SHIFTS, { maxLength: 3 }),
  blankBefore: pick(false, false, true),
  blankAfter: pick(false, false, true),
  behind: fc.boolean(),
});
const NONE: Note = { lines: [], blankBefore: false, blankAfter: false, behind: false };

/** Notes of a text of which one in so many places has some. */
const notes = (places: number): fc.Arbitrary<readonly Note[]> =>
  fc.array(fc.oneof({ weight: 1, arbitrary: SOME }, { weight: places - 1, arbitrary: fc.constant(NONE) }), {
    minLength: 12,
    maxLength: 40,
  });

type Tree =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'flow'; readonly list: boolean; readonly items: readonly string[]; readonly broken: boolean }
  | { readonly kind: 'map' | 'list'; readonly items: readonly Tree[]; readonly step: number };

const SCALARS = pick(
  'x',
  '1',
  'true',
  '"q"',
  "'s'",
  'two words',
  '""',
  '',
  '!!str 1',
  '&n x',
  '|\n  one\n  two',
  '|-\n  one\n\n    two',
  '>\n  one\n  two\n',
  '>+\n  one\n\n',
  'one\n  two',
);

const { tree } = fc.letrec<{ tree: Tree; block: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: SCALARS.map((text): Tree => ({ kind: 'text', text })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.boolean(), fc.array(pick('x', '1', '"q"', '[y]', '{z: 1}', ''), { maxLength: 3 }), fc.boolean())
        .map(([list, items, broken]): Tree => ({ kind: 'flow', list, items, broken })),
    },
    { weight: 4, arbitrary: tie('block') },
  ),
  block: fc
    .tuple(
      pick('map' as const, 'map' as const, 'list' as const),
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      pick(0, 2, 2, 4),
    )
    .map(([kind, items, step]): Tree => ({ kind, items, step })),
}));

interface Text {
  readonly notes: readonly Note[];
  readonly paths: string[];
  next: number;
}

function noteOf(t: Text): Note {
  return t.notes[t.next++ % t.notes.length] ?? NONE;
}

function above(t: Text, indent: number): string {
  const { lines, blankBefore, blankAfter } = noteOf(t);
  const made = lines.map((shift) => `${' '.repeat(Math.max(0, indent + shift))}# ${t.next}\n`);
  return (blankBefore ? '\n' : '') + made.join('') + (blankAfter ? '\n' : '');
}

function behind(t: Text): string {
  return noteOf(t).behind ? ` # ${t.next}` : '';
}

/** A value behind `key:` or `-`, to the end of its last line. */
function value(t: Text, tree: Tree, indent: number, path: string): string {
  t.paths.push(path);
  const pad = ' '.repeat(indent + 2);
  if (tree.kind === 'text') {
    const lines = tree.text.replaceAll('\n  ', `\n${pad}`);
    return lines.includes('\n') ? ` ${lines}\n` : ` ${lines}${behind(t)}\n`;
  }
  if (tree.kind !== 'flow')
    return `${behind(t)}\n${block(t, tree, indent + (tree.kind === 'map' ? tree.step || 2 : tree.step), path)}`;
  const parts = tree.items.map((item, i) => {
    t.paths.push(`${path}.${tree.list ? i : `k${i}`}`);
    const text = tree.list ? item || 'e' : `k${i}: ${item}`;
    const comma = i + 1 < tree.items.length ? ',' : '';
    return tree.broken ? `\n${above(t, indent + 4)}${pad}${text}${comma}${behind(t)}` : ` ${text}${comma}`;
  });
  const end = tree.broken ? `\n${above(t, indent + 2)}${pad}` : '';
  return ` ${tree.list ? '[' : '{'}${parts.join('')}${end}${tree.list ? ']' : '}'}${behind(t)}\n`;
}

function block(t: Text, tree: Tree & { kind: 'map' | 'list' }, indent: number, path: string): string {
  const pad = ' '.repeat(indent);
  return tree.items
    .map((item, i) => {
      const inside = `${path}${path === '' ? '' : '.'}${tree.kind === 'map' ? `k${i}` : i}`;
      const head = above(t, indent) + pad + (tree.kind === 'map' ? `k${i}:` : '-');
      // What is in a list is deeper than the dash.
      const made = value(t, tree.kind === 'list' && item.kind === 'list' ? { ...item, step: 2 } : item, indent, inside);
      if (tree.kind === 'map' || item.kind !== 'map' || item.step !== 2) return head + made;
      const first = /^\n( *)(?=k)/.exec(made);
      return first === null ? head + made : `${head} ${made.slice(first[0].length)}`;
    })
    .join('');
}

const VALUES = ['word', '"8"', '"two\\nlines"', '{a: 1, b: [c]}', '["one", "two"]', '""', '"a: b # c"'];

const text = (places: number): fc.Arbitrary<readonly [name: string, text: string, target: string]> =>
  fc
    .record({
      root: fc.array(tree, { minLength: 1, maxLength: 4 }),
      list: pick(false, false, false, true),
      notes: notes(places),
      path: fc.nat(99),
      more: pick('', '', '.new', '.[name=n].value', '.-'),
      value: fc.nat(VALUES.length - 1),
      start: pick('', '', '', '', '---\n', '--- # start\n'),
      cut: fc.boolean(),
    })
    .map(({ root, list, notes: found, path, more, value: which, start, cut }) => {
      const t: Text = { notes: found, paths: [''], next: 0 };
      const made =
        above(t, 0) + start + block(t, { kind: list ? 'list' : 'map', items: root, step: 2 }, 0, '') + above(t, 0);
      const at = t.paths[path % t.paths.length] ?? '';
      const to = at === '' && more === '' ? 'new' : `${at}${more}`.replace(/^\./, '');
      return [`v${which}`, cut ? made.trimEnd() : made, to] as const;
    });

/** A ConfigMap of texts, one more densely commented than the other, each of which a replacement changes. */
export const commentRepositories: fc.Arbitrary<Repository> = fc.tuple(text(12), text(2)).map((texts) => {
  const data = texts.map(([, made], i) => `  t${i}: ${JSON.stringify(made)}\n`).join('');
  const values = VALUES.map((one, i) => `v${i}: ${one}\n`).join('');
  const entries = texts.map(
    ([from, , to], i) =>
      `- source: {kind: Thing, name: s, fieldPath: ${from}}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: ["data.t${i}.${to}"]\n    options: {create: true}\n`,
  );
  return {
    root: '.',
    files: {
      'kustomization.yaml': `resources: [r.yaml]\nreplacements:\n${entries.join('')}`,
      'r.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n${data}---\napiVersion: example.com/v1\nkind: Thing\nmetadata: {name: s}\n${values}`,
    },
  };
});
