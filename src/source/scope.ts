import { createHash } from 'node:crypto';
import type { ContentReader, ContentStore, ContentWriter, PartKeeper } from '../ports/index.ts';

/**
 * The store with aliases of one repository and tenant only. Git ids prove content, not the right to see it: without
 * this, a source could name the commit of another's private repository and be given it from this disk.
 */
export function scopedStore(store: ContentStore, tenant: string, url: string): ContentStore {
  const scope = createHash('sha256').update(`${tenant}\0${url}`).digest('hex').slice(0, 16);
  const named = (alias: string): string => `git:${scope}:${alias}`;
  return {
    ...reader(store, named),
    tree: (root) => store.tree(root),
    ...(store.parts === undefined ? {} : { parts: scopedParts(store.parts, named) }),
    writer: async () => scopedWriter(await store.writer(), named),
  };
}

type Named = (alias: string) => string;

function reader(
  from: Pick<ContentReader, 'has' | 'get' | 'folder' | 'byAlias'>,
  named: Named,
): Pick<ContentReader, 'has' | 'get' | 'folder' | 'byAlias'> {
  return {
    has: (digest) => from.has(digest),
    get: (digest) => from.get(digest),
    folder: (digest) => from.folder(digest),
    byAlias: (alias) => from.byAlias(named(alias)),
  };
}

function scopedParts(parts: PartKeeper, named: Named): PartKeeper {
  return {
    get: (name) => parts.get(named(name)),
    put: (name, part) => parts.put(named(name), part),
    drop: (name) => parts.drop(named(name)),
  };
}

function scopedWriter(writer: ContentWriter, named: Named): ContentWriter {
  return {
    ...reader(writer, named),
    put: (bytes, alias) => writer.put(bytes, alias === undefined ? undefined : named(alias)),
    putFolder: (entries, alias) => writer.putFolder(entries, alias === undefined ? undefined : named(alias)),
    drain: () => writer.drain(),
    commit: () => writer.commit(),
    discard: () => writer.discard(),
  };
}
