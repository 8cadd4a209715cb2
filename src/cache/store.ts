import type { ContentStore, PartKeeper } from '../ports/index.ts';
import type { Packs } from './packs.ts';
import { treeView } from './tree.ts';
import { folderOf, type KindWriter, openWriter, type WriterRoom } from './writer.ts';

export interface KindStore extends ContentStore {
  writer(): Promise<KindWriter>;
  readonly parts: PartKeeper;
}

/** The content store on packs. `begin` is waited for before a writer opens. */
export function contentStore(
  packs: Packs,
  room: WriterRoom,
  { begin, parts }: { readonly begin: () => Promise<void>; readonly parts: PartKeeper },
): KindStore {
  const store: KindStore = {
    has: (digest) => packs.find(digest) !== undefined,
    get: (digest) => packs.read(digest),
    byAlias: (alias) => packs.findAlias(alias),
    folder: (digest) => folderOf(packs.read(digest), digest),
    tree: (root) => treeView(store, root),
    parts,
    writer: async () => {
      await begin();
      return openWriter(room);
    },
  };
  return store;
}
