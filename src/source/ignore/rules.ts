import { createHash } from 'node:crypto';
import { Fault, type Limits } from '../../model/index.ts';
import { type IgnorePattern, parsePattern } from './pattern.ts';

/** Name of the files with patterns that Flux reads in a source. */
export const IGNORE_FILE = '.sourceignore';

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
const RULES_VERSION = 2;

/** A `.sourceignore` file of the source. */
export interface IgnoreFile {
  /** Folder it lies in; '' is the root. */
  readonly folder: string;
  readonly oid: string;
  readonly text: string;
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

/** Patterns of one folder. */
interface Group {
  /** Names of the folders down to it. */
  readonly folder: readonly string[];
  readonly patterns: readonly IgnorePattern[];
}

/**
 * Rules in Flux's order: Git's own files, each `.sourceignore` in its folder (outer first), then `spec.ignore`; the
 * defaults only without any of these. The last match wins for each file, also below a folder that is left out.
 */
export function createRules(
  files: readonly IgnoreFile[],
  spec: string | undefined,
  sparse: readonly string[],
  defaults = true,
): IgnoreRules {
  const fromSpec = patternsOf(spec ?? '');
  const own = [...files.map((f) => groupOf(f.folder, patternsOf(f.text))), groupOf('', fromSpec)].filter(
    ({ patterns }) => patterns.length > 0,
  );
  const common = own.length === 0 && defaults ? [...VCS, ...DEFAULTS] : VCS;
  const groups = [groupOf('', common), ...own];
  const base = JSON.stringify([own.length === 0, specId(spec, sparse)]);
  return {
    leavesOut(path, isFolder) {
      return lastWord(groups, path.split('/'), isFolder);
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
export function createPartRules(files: readonly IgnoreFile[], spec: string | undefined): IgnoreRules {
  const rules = createRules(files, spec, []);
  if (files.length > 0 || patternsOf(spec ?? '').length > 0) return rules;
  const without = createRules([], undefined, [], false);
  return {
    leavesOut: rules.leavesOut,
    // Folders made by these rules show what is unsure as away, so they are no others'.
    id: (folder) => `${rules.id(folder)}?`,
    unsure: (path, isFolder) => rules.leavesOut(path, isFolder) !== without.leavesOut(path, isFolder),
  };
}

/** Whether the last of these patterns that matches a file, or a folder above it, leaves it out; no other rules hold. */
export function createMatcher(lines: readonly string[]): (path: string) => boolean {
  const groups = [groupOf('', lines)];
  return (path) => lastWord(groups, path.split('/'), false);
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
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
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
  const path = folder === '' ? IGNORE_FILE : `${folder}/${IGNORE_FILE}`;
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

const groupOf = (folder: string, lines: readonly string[]): Group => ({
  folder: folder === '' ? [] : folder.split('/'),
  patterns: lines.map(parsePattern),
});

/** What the last pattern that matches says; false without one. */
function lastWord(groups: readonly Group[], names: readonly string[], isFolder: boolean): boolean {
  const within = groups.filter(
    ({ folder }) => folder.length < names.length && folder.every((name, i) => names[i] === name),
  );
  for (const { folder, patterns } of within.reverse()) {
    const below = folder.length === 0 ? names : names.slice(folder.length);
    const last = patterns.findLast((pattern) => pattern.matches(below, isFolder));
    if (last !== undefined) return last.leavesOut;
  }
  return false;
}
