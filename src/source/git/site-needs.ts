import type { Tree } from '../../model/index.ts';

/** Which part of a repository a site needs. */
export interface SiteNeeds {
  /** Folders with all below them, and single files; '' is everything. */
  readonly paths: readonly string[];
  /** Names what `more` goes by besides what is here. */
  readonly key?: string;
  /**
   * Further paths that builds of what is here reach, such as bases; asked until it names no new one. It may look at
   * everything, and is told where something is not here.
   */
  readonly more?: (view: PartView) => Promise<readonly string[]>;
}

/** What is here of a repository. */
export interface PartView {
  /** `none`: the repository has no such path. `away`: it may have one, which was not fetched. */
  kind(path: string): 'file' | 'folder' | 'none' | 'away';
  /** Bytes of a file that is here. */
  read(path: string): Uint8Array | undefined;
  /** The same as a tree, without rules that leave files out. What is away throws `source-incomplete`. */
  readonly tree: Tree;
}
