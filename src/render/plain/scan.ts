import { Fault, type Limits, type Tree, type TreeEntry } from '../../model/index.ts';

const KUSTOMIZATION_FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** A manifest of a plain tree. */
export interface PlainFile {
  /** From the root of the source. */
  readonly path: string;
  readonly entry: TreeEntry;
}

export type PlainScan =
  | { readonly files: readonly PlainFile[] }
  /** A folder below the path (or the path itself) has this kustomization file: kustomize has to build it. */
  | { readonly needsKustomize: string };

/**
 * The files of a folder that Flux would put into a generated kustomization: every `*.yaml` and `*.yml` below it in
 * walking order, hidden ones too, but no `.sops.yaml` (the configuration of SOPS). Throws `path-missing`.
 */
export function scanPlain(tree: Tree, path: string, limits: Pick<Limits, 'renderFiles' | 'treeDepth'>): PlainScan {
  if (tree.list(path) === undefined) {
    // Flux finds the file and fails to build it.
    const [code, what] =
      tree.stat(path) === undefined ? (['path-missing', 'is'] as const) : (['build-failed', 'is a file and'] as const);
    throw new Fault(code, `kustomization path not found: ${path === '' ? '.' : path} ${what} no folder of the source`);
  }
  const files: PlainFile[] = [];
  const walk = (folder: string, depth: number): string | undefined => {
    if (depth > limits.treeDepth) {
      throw new Fault('build-failed', `${folder}: nested deeper than limits.treeDepth = ${limits.treeDepth}`);
    }
    const own = kustomizationFile(tree, folder);
    if (own !== undefined) return own;
    for (const entry of tree.list(folder) ?? []) {
      const below = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.type === 'directory') {
        const found = walk(below, depth + 1);
        if (found !== undefined) return found;
      } else if (isManifest(entry.name)) files.push({ path: below, entry });
      if (files.length > limits.renderFiles) {
        throw new Fault('build-failed', `${below}: more files than limits.renderFiles = ${limits.renderFiles}`);
      }
    }
    return undefined;
  };
  const needsKustomize = walk(path, 0);
  return needsKustomize === undefined ? { files } : { needsKustomize };
}

function kustomizationFile(tree: Tree, folder: string): string | undefined {
  for (const name of KUSTOMIZATION_FILES) {
    const file = folder === '' ? name : `${folder}/${name}`;
    if (tree.stat(file)?.type === 'file') return file;
  }
  return undefined;
}

function isManifest(name: string): boolean {
  return /\.ya?ml$/.test(name) && name !== '.sops.yaml' && name !== '.sops.yml';
}
