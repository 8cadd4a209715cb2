import { createHash } from 'node:crypto';
import type { Ignore } from 'ignore';
import { Fault, type Limits } from '../../model/index.ts';

/** Patterns of Git's own files, always in force (pkg/sourceignore). */
const VCS = ['.git/', '.gitignore', '.gitmodules', '.gitattributes'];
/** In force only where neither a `.sourceignore` nor `spec.ignore` has a pattern. */
const DEFAULTS = [
  ...['*.jpg', '*.jpeg', '*.gif', '*.png', '*.wmv', '*.flv', '*.tar.gz', '*.zip'],
  ...['.github/', '.circleci/', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml'],
  ...['cloudbuild.yaml', 'codeship-services.yml', 'codeship-steps.yml'],
  ...['**/.goreleaser.yml', '**/.sops.yaml', '**/.flux.yaml'],
];

/** Counts up when the same rules come to mean something else, so that what was stored before is not used again. */
const RULES_VERSION = 1;

/** Tests kept by the `ignore` package per matcher; a new one is made past this, so memory stays flat. */
const TESTS_KEPT = 4_096;

/** A `.sourceignore` file of the source. */
export interface IgnoreFile {
  /** Folder it lies in; '' is the root. */
  readonly folder: string;
  readonly oid: string;
  readonly text: string;
}

/** Makes matchers of the `ignore` package; handed in because it is loaded only when a source is fetched. */
export type MakeIgnore = () => Ignore;

/** Loads the `ignore` package. */
export async function ignoreMaker(): Promise<MakeIgnore> {
  const { default: ignore } = await import('ignore');
  return () => ignore({ ignorecase: false });
}

/** Which files of a source a view leaves out. */
export interface IgnoreRules {
  /** True when the last pattern that matches the path, or a folder above it, leaves it out. */
  leavesOut(path: string, isFolder: boolean): boolean;
  /**
   * Names the rules that hold in one folder, 16 hex digits: equal ids, equal outcome for equal content. It covers the
   * folder's path, since patterns may name paths, and not the `.sourceignore` files below, which are content.
   */
  id(folder: string): string;
  /**
   * Whether it hangs on folders that were not looked at: any pattern of an ignore file there takes the defaults out of
   * force. Absent where all were.
   */
  readonly unsure?: (path: string, isFolder: boolean) => boolean;
}

interface Group {
  readonly folder: string;
  readonly leavesOut: boolean;
  readonly patterns: readonly string[];
  matcher: Ignore;
  tests: number;
}

/**
 * Rules in Flux's order: Git's own files, each `.sourceignore` in its folder (outer first), then `spec.ignore`; the
 * defaults only without any of these. The last match wins for each file, also below a folder that is left out.
 */
export function createRules(
  files: readonly IgnoreFile[],
  spec: string | undefined,
  sparse: readonly string[],
  make: MakeIgnore,
  defaults = true,
): IgnoreRules {
  const fromSpec = patternsOf(spec ?? '');
  const own = [...files.flatMap((f) => groupsOf(f.folder, patternsOf(f.text), make)), ...groupsOf('', fromSpec, make)];
  const common = own.length === 0 && defaults ? groupsOf('', [...VCS, ...DEFAULTS], make) : groupsOf('', VCS, make);
  const groups = [...common, ...own];
  const base = JSON.stringify([own.length === 0, specId(spec, sparse)]);
  return {
    leavesOut(path, isFolder) {
      for (let i = groups.length - 1; i >= 0; i--) {
        const group = groups[i];
        if (group !== undefined && matches(group, path, isFolder, make)) return group.leavesOut;
      }
      return false;
    },
    id(folder) {
      if (folder === '') return specId(spec, sparse);
      const above = files.filter((f) => f.folder === '' || folder === f.folder || folder.startsWith(`${f.folder}/`));
      const parts = [base, folder, ...above.map((f) => `${f.folder}\0${f.oid}`)];
      return shortHash(parts);
    },
  };
}

/** The same where only a part of the folders was looked at. */
export function createPartRules(files: readonly IgnoreFile[], spec: string | undefined, make: MakeIgnore): IgnoreRules {
  const rules = createRules(files, spec, [], make);
  if (files.length > 0 || patternsOf(spec ?? '').length > 0) return rules;
  const without = createRules([], undefined, [], make, false);
  return {
    leavesOut: rules.leavesOut,
    // Folders made by these rules show what is unsure as away, so they are no others'.
    id: (folder) => `${rules.id(folder)}?`,
    unsure: (path, isFolder) => rules.leavesOut(path, isFolder) !== without.leavesOut(path, isFolder),
  };
}

/** Whether the last of these patterns that matches a file, or a folder above it, leaves it out; no other rules hold. */
export function createMatcher(patterns: readonly string[], make: MakeIgnore): (path: string) => boolean {
  const groups = groupsOf('', patterns, make);
  return (path) => {
    for (let i = groups.length - 1; i >= 0; i--) {
      const group = groups[i];
      if (group !== undefined && matches(group, path, false, make)) return group.leavesOut;
    }
    return false;
  };
}

/** Names what the spec says about hiding. With a tree's content it decides all: it is the id of the rules at the root. */
export function specId(spec: string | undefined, sparse: readonly string[]): string {
  return shortHash([RULES_VERSION, patternsOf(spec ?? ''), sparse]);
}

function shortHash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The patterns of an ignore file: no comments, no empty lines. */
export function patternsOf(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** Bytes of an ignore file, and how many they are. */
export interface IgnoreText {
  readonly folder: string;
  readonly oid: string;
  readonly size: number;
  read(): Uint8Array;
}

/**
 * Reads the ignore files of one source, which count together with `spec`; undefined for one without a pattern. Fault
 * `source-bounds` for one that is too large, or one pattern too many: what they leave out must not come in because of that.
 */
export function ignoreReader(
  spec: string | undefined,
  limits: Pick<Limits, 'ignoreBytes' | 'ignorePatterns'>,
): (file: IgnoreText) => IgnoreFile | undefined {
  let count = patternsOf(spec ?? '').length;
  checkPatterns(count, limits);
  return ({ folder, oid, size, read }) => {
    if (size > limits.ignoreBytes) throw tooLarge(folder, limits);
    const text = Buffer.from(read()).toString('utf8');
    const more = patternsOf(text).length;
    count += more;
    checkPatterns(count, limits);
    return more === 0 ? undefined : { folder, oid, text };
  };
}

function tooLarge(folder: string, { ignoreBytes }: Pick<Limits, 'ignoreBytes'>): Fault {
  const path = folder === '' ? '.sourceignore' : `${folder}/.sourceignore`;
  return new Fault('source-bounds', `'${path}' is larger than ${ignoreBytes} bytes (limits.ignoreBytes)`);
}

/** Fault `source-bounds` when there are more patterns than each path is to be held against. */
export function checkPatterns(count: number, { ignorePatterns }: Pick<Limits, 'ignorePatterns'>): void {
  if (count > ignorePatterns)
    throw new Fault(
      'source-bounds',
      `.sourceignore and spec.ignore hold more than ${ignorePatterns} patterns (limits.ignorePatterns): name folders instead of files`,
    );
}

/** Neighbours of one kind share a matcher: within such a run the order does not matter. */
function groupsOf(folder: string, patterns: readonly string[], make: MakeIgnore): Group[] {
  const runs: { leavesOut: boolean; patterns: string[] }[] = [];
  for (const pattern of patterns) {
    const leavesOut = !pattern.startsWith('!');
    const bare = leavesOut ? pattern : pattern.slice(1);
    const last = runs.at(-1);
    if (last?.leavesOut === leavesOut) last.patterns.push(bare);
    else runs.push({ leavesOut, patterns: [bare] });
  }
  return runs.map((run) => ({ folder, ...run, matcher: make().add(run.patterns), tests: 0 }));
}

function matches(group: Group, path: string, isFolder: boolean, make: MakeIgnore): boolean {
  const inside =
    group.folder === '' ? path : path.startsWith(`${group.folder}/`) ? path.slice(group.folder.length + 1) : '';
  if (inside === '') return false;
  group.tests += 1;
  if (group.tests > TESTS_KEPT) {
    group.matcher = make().add([...group.patterns]);
    group.tests = 0;
  }
  return group.matcher.ignores(isFolder ? `${inside}/` : inside);
}
