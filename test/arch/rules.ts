import { lineOf, type SourceFile } from './source.ts';

/** Ranks of the rooms of src/: a room imports only from lower ranks. A new room gets its line here. */
export const RANKS: Readonly<Record<string, number>> = {
  model: 0,
  ports: 1,
  flux: 1,
  pattern: 1,
  schedule: 2,
  trust: 2,
  render: 2,
  plan: 2,
  policy: 2,
  health: 2,
  cel: 2,
  report: 2,
  sops: 3,
  source: 3,
  cache: 3,
  apply: 3,
  observe: 3,
  cycle: 4,
};

/** `src/render/yaml/x.ts` -> `render`; '' outside src. */
export function roomOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? '';
}

/** The room's door, or a door of a part of it such as src/source/git/index.ts. */
export const isDoor = (path: string): boolean => /^src\/[^/]+(?:\/[^/]+)?\/index\.ts$/.test(path);

/** A kind of source that a file of src/source belongs to; '' for what they share. */
const kindOf = (path: string): string => /^src\/source\/(git|oci|bucket|external)\//.exec(path)?.[1] ?? '';

/** What is wrong with the directions of a file's imports, each as a sentence that names the rule. */
export function importFaults(file: SourceFile): readonly string[] {
  const from = roomOf(file.path);
  const faults: string[] = [];
  const say = (line: number, text: string): void => void faults.push(`${file.path}:${line} ${text}`);
  for (const { spec, file: target, line } of file.imports) {
    if (target === '') continue;
    if (!/\.(?:ts|cjs|json)$/.test(target)) say(line, `imports "${spec}": imports carry the extension .ts.`);
    const to = roomOf(target);
    if (file.path.startsWith('src/')) {
      if (!target.startsWith('src/')) {
        say(line, `imports ${target}: src never imports agent, test or scripts; ask for a port in src/ports instead.`);
        continue;
      }
      if (from !== to && rank(to) >= rank(from))
        say(
          line,
          `(rank ${rank(from)}, ${from}) imports ${target} (rank ${rank(to)}): only lower ranks may be imported; hand the value over through cycle, or move what both need down to model.`,
        );
    }
    const [kind, other] = [kindOf(file.path), kindOf(target)];
    if (kind !== '' && other !== '' && kind !== other)
      say(line, `imports ${target}: kinds of sources do not know one another; move what both need up to src/source.`);
    if (target.startsWith('src/') && from !== to && !isDoor(target))
      say(line, `imports ${target}: from outside, a room is entered through its index.ts.`);
    if (file.path.startsWith('agent/') && /^(?:test|scripts)\//.test(target))
      say(line, `imports ${target}: the product does not import tests or scripts.`);
  }
  return faults;
}

function rank(room: string): number {
  const found = RANKS[room];
  if (found === undefined)
    throw new Error(`src/${room} has no rank: give it one in test/arch/rules.ts and a row in docs/architecture.md.`);
  return found;
}

/** Files that import one another in a ring, each ring once, beginning with its smallest name. Type imports count. */
export function rings(files: readonly SourceFile[]): readonly string[] {
  const edges = new Map(
    files.map((file) => [file.path, file.imports.filter(({ lazy }) => !lazy).map(({ file: target }) => target)]),
  );
  const done = new Set<string>();
  const found = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const ring = trail.slice(at);
      const first = ring.indexOf([...ring].sort()[0] ?? '');
      found.add([...ring.slice(first), ...ring.slice(0, first), ring[first]].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) if (edges.has(next)) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return [...found].sort();
}

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
}

/** What src/ may not name: it takes its effects as ports. */
const AMBIENT: readonly Ban[] = [
  { pattern: /\bDate\s*\.\s*now\b/g, why: 'time comes from the Clock port.' },
  { pattern: /\bnew\s+Date\s*\(\s*\)|(?<!new\s)(?<![\w.])Date\s*\(\s*\)/g, why: 'time comes from the Clock port.' },
  { pattern: /\bperformance\s*\.\s*now\b/g, why: 'durations come from Clock.monotonic.' },
  {
    pattern: /(?<![\w.])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/g,
    why: 'use Clock.sleep or Clock.after.',
  },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, why: 'it hides a timer: use Clock.after and an AbortController.' },
  {
    pattern: /\bMath\s*\.\s*random\b|\bgetRandomValues\b|\brandom(?:UUID|Bytes|Int)\b/g,
    why: 'randomness comes in as Random.',
  },
  { pattern: /(?<![\w.])process\s*\./g, why: 'the process belongs to agent/.' },
  { pattern: /(?<![\w.])fetch\s*\(/g, why: 'the network is the Wire port (and global fetch costs 17 MiB).' },
];

/** What neither src/ nor agent/ may name. */
const EVERYWHERE: readonly Ban[] = [
  { pattern: /(?<![\w.])console\s*\./g, why: 'log through the Log port, print through CliIo.' },
  {
    pattern:
      /(?<![&|\s])[:<]\s*any\b(?!\s*[:(=?.])|(?<![&|])[|&](?![|&])\s*any\b(?!\s*[:(=?.])|<[^<>()\n]*,\s*any\s*[,>]|\bas\s+any\b|\bany\s*\[\]/g,
    why: '`any` switches the checks off: use unknown and look.',
  },
  {
    pattern: /\blocaleCompare\b|\bIntl\s*\.|\.toLocale[A-Z]\w*/g,
    why: 'output must not depend on a locale (and Intl costs 8 MiB): use byCodeUnit.',
  },
  { pattern: /(?<![\w.])eval\s*\(|\bnew\s+Function\b/g, why: 'no code out of data.' },
  { pattern: /^(?:export\s+)?let\s/gm, why: 'no state in a module: two agents in one process would share it.' },
  {
    pattern: /^\s*(?:export\s+)?(?:const\s+)?enum\s|^\s*(?:export\s+)?namespace\s+\w+\s*\{/gm,
    why: 'only syntax that can be erased.',
  },
];

/** Modules of Node that src/ may import; what they do has no effect outside. */
const PURE_MODULES = new Set(['node:crypto', 'node:zlib', 'node:buffer', 'node:path/posix', 'node:string_decoder']);

/** Files that may read process.env. */
const ENV_READERS = /^agent\/(?:config\/|main\.ts|cli\/)/;

function scan(file: SourceFile, bans: readonly Ban[]): readonly string[] {
  return bans.flatMap(({ pattern, why }) =>
    [...file.code.matchAll(pattern)].map(
      (m) => `${file.path}:${lineOf(file.code, m.index)} uses "${m[0].trim().replace(/\s+/g, ' ')}": ${why}`,
    ),
  );
}

/** Calls and modules that a file of src/ or agent/ must not use. */
export function bannedCalls(file: SourceFile): readonly string[] {
  const faults = [...scan(file, EVERYWHERE)];
  if (file.path.startsWith('src/')) {
    faults.push(...scan(file, AMBIENT));
    for (const { spec, line } of file.imports)
      if (spec.startsWith('node:') && !PURE_MODULES.has(spec))
        faults.push(
          `${file.path}:${line} imports ${spec}: src has no ambient effects; only ${[...PURE_MODULES].join(', ')}.`,
        );
  } else if (!ENV_READERS.test(file.path)) {
    const env: Ban = {
      pattern: /\bprocess\s*\.\s*env\b/g,
      why: 'settings come in as arguments; the environment is read in agent/config, agent/cli and agent/main.ts.',
    };
    faults.push(...scan(file, [env]));
  }
  for (const { spec, line } of file.imports)
    if (/^(?:fs|path|http|https|net|crypto|zlib|url|os|util|stream|child_process|events)$/.test(spec))
      faults.push(`${file.path}:${line} imports "${spec}": write "node:${spec}".`);
  return faults;
}
