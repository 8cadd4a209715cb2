import { DEFAULT_LIMITS, type Limits, type Tree } from '../../model/index.ts';
import { overLimit } from './errors.ts';
import type { ParsedTexts } from './resource/parsed.ts';
import type { ScopeTable } from './resource/resource.ts';
import { makeSchemaState, type SchemaState } from './schema/state.ts';

/** A remote base that someone fetched and pinned before the build. */
export interface RemoteBase {
  readonly tree: Tree;
  /** The folder to build inside that tree. */
  readonly root: string;
}

/** Where remote resources may come from. Without it every remote resource is refused. */
export interface RemoteHook {
  /** The bytes of an http(s) URL, or undefined when it is not pinned. */
  file?(url: string): Uint8Array | undefined;
  /** The files behind a git URL such as `github.com/org/repo//path?ref=v1`, or undefined. */
  base?(url: string): RemoteBase | undefined;
}

/** How to build. */
export interface BuildOptions {
  /** `none`: first in, first out, as Flux does (the default); `legacy`: the order of the command line of kustomize. */
  readonly reorder?: 'none' | 'legacy';
  /** `rootonly` (the default): files must lie in or below the folder of the kustomization that names them. */
  readonly loadRestrictor?: 'none' | 'rootonly';
  /** Bounds, by the names of limits.ts. */
  readonly limits?: Partial<Limits>;
  /** What stands for the root of the tree in messages, such as `/tmp/x`; '' by default. */
  readonly displayRoot?: string;
  /** Load the built-in schema before a custom one, so that it adds to them, as Flux does. */
  readonly preloadSchema?: boolean;
  readonly remote?: RemoteHook;
  /** Where a path leads after symbolic links, for trees that follow them; restrictions are about that place. */
  readonly realPath?: (path: string) => string;
  /** Called with each warning that kustomize prints, one line each. */
  readonly warn?: (text: string) => void;
  /** Shared by the builds of one revision, so that a base is parsed once for all its roots. */
  readonly parsed?: ParsedTexts;
  /** Resources of these files get an annotation, so that they are known after the build. */
  readonly mark?: Mark;
}

export interface Mark {
  readonly paths: ReadonlySet<string>;
  readonly annotation: string;
}

/** What one build knows and counts. */
export interface Build {
  readonly reorder: 'none' | 'legacy';
  readonly restrictFiles: boolean;
  readonly limits: Limits;
  readonly displayRoot: string;
  readonly remote: RemoteHook | undefined;
  readonly realPath: (path: string) => string;
  readonly schema: SchemaState;
  readonly scopes: ScopeTable;
  readonly warn: (text: string) => void;
  readonly parsed: ParsedTexts | undefined;
  readonly mark: Mark | undefined;
  readonly used: { files: number; bytes: number };
}

/** Fills in defaults. */
export function makeBuild(options: BuildOptions): Build {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const schema = makeSchemaState(options.preloadSchema === true, limits);
  return {
    reorder: options.reorder ?? 'none',
    restrictFiles: options.loadRestrictor !== 'none',
    limits,
    displayRoot: options.displayRoot ?? '',
    remote: options.remote,
    realPath: options.realPath ?? ((path): string => path),
    schema,
    scopes: schema,
    warn: options.warn ?? ((): void => undefined),
    parsed: options.parsed,
    mark: options.mark,
    used: { files: 0, bytes: 0 },
  };
}

/** Counts a file that is read. */
export function countFile(build: Build, bytes: number, path: string): void {
  const { limits, used } = build;
  if (bytes > limits.manifestBytes)
    overLimit('manifestBytes', limits.manifestBytes, `file '${path}' has ${bytes} bytes`);
  used.files++;
  used.bytes += bytes;
  if (used.files > limits.renderFiles) overLimit('renderFiles', limits.renderFiles, 'the build reads too many files');
  if (used.bytes > limits.renderBytes) overLimit('renderBytes', limits.renderBytes, 'the build reads too many bytes');
}
