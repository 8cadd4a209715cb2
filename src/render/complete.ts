import { asFault, Fault, type Tree } from '../model/index.ts';

/**
 * Works over a tree. When something was asked of it that is away, that is what this ends with, whatever the work made of
 * it: `source-incomplete`, with every path that was asked for. A render may be without a file, and must not be without one
 * that was only not fetched: so each of them works through this, and its callers need not know.
 */
export async function complete<T>(tree: Tree, work: (tree: Tree) => Promise<T>): Promise<T> {
  const { tree: noted, missed } = noting(tree);
  const result = await work(noted).catch((error: unknown) => {
    throw faultOf(missed) ?? error;
  });
  return whole(result, missed);
}

/** The same for work that needs no waiting. */
export function completeNow<T>(tree: Tree, work: (tree: Tree) => T): T {
  const { tree: noted, missed } = noting(tree);
  try {
    return whole(work(noted), missed);
  } catch (error) {
    throw faultOf(missed) ?? error;
  }
}

function whole<T>(result: T, missed: ReadonlyMap<string, Fault>): T {
  const fault = faultOf(missed);
  if (fault !== undefined) throw fault;
  return result;
}

/** Paths that some work asks of a tree and that are away; what else becomes of it is not looked at. */
export function missedBy(tree: Tree, work: (tree: Tree) => void): readonly string[] {
  const { tree: noted, missed } = noting(tree);
  try {
    work(noted);
  } catch {
    // It comes out at the render.
  }
  return [...missed.keys()];
}

function noting(tree: Tree): { readonly tree: Tree; readonly missed: Map<string, Fault> } {
  const missed = new Map<string, Fault>();
  const noted =
    <T>(ask: (path: string) => T) =>
    (path: string): T => {
      try {
        return ask(path);
      } catch (error) {
        const fault = asFault(error);
        if (fault.code === 'source-incomplete') for (const one of fault.paths) missed.set(one, fault);
        throw error;
      }
    };
  return {
    tree: {
      list: noted((path) => tree.list(path)),
      stat: noted((path) => tree.stat(path)),
      read: noted((path) => tree.read(path)),
    },
    missed,
  };
}

function faultOf(missed: ReadonlyMap<string, Fault>): Fault | undefined {
  const [first] = missed.values();
  return first === undefined
    ? undefined
    : new Fault('source-incomplete', first.message, { cause: first, paths: [...missed.keys()] });
}
