import { describe, expect, it } from 'vitest';
import type { Digest, StoredEntry } from '../../../../src/model/index.ts';
import { applyRules } from '../../../../src/source/oci/ruled.ts';
import { memoryStore } from '../../../support/memory-store.ts';

const LIMITS = { ignoreBytes: 100, ignorePatterns: 3 };

/** Paths that rules leave in an archive of these files; each folder has one level. */
async function shown(files: Readonly<Record<string, string>>, spec?: string): Promise<readonly string[]> {
  const store = memoryStore();
  const writer = await store.writer();
  const folders = new Map<string, StoredEntry[]>([['', []]]);
  for (const [path, text] of Object.entries(files)) {
    const [folder, name] = path.includes('/') ? (path.split('/') as [string, string]) : (['', path] as const);
    const list = folders.get(folder) ?? [];
    folders.set(folder, list);
    const digest = writer.put(Buffer.from(text));
    list.push({ name, mode: 'file', digest, size: text.length, alias: '', hidden: false });
  }
  const top = folders.get('') ?? [];
  for (const [name, list] of folders)
    if (name !== '') top.push({ name, mode: 'dir', digest: writer.putFolder(list), size: 0, alias: '', hidden: false });
  const root = await applyRules(writer, writer.putFolder(top), { spec, alias: 'ruled', limits: LIMITS });
  await writer.commit();
  return visible(store, root);
}

function visible(store: ReturnType<typeof memoryStore>, root: Digest): readonly string[] {
  const tree = store.tree(root);
  return (tree.list('') ?? []).flatMap(({ name, type }) =>
    type === 'file' ? [name] : (tree.list(name) ?? []).map((one) => `${name}/${one.name}`),
  );
}

describe('rules for an artifact', () => {
  it('leave out what they name', async () => {
    const files = {
      '.sourceignore': 'x\n',
      'sub/.sourceignore': '# none\ny\n',
      'sub/y': '',
      'sub/z': '',
      x: '',
      y: '',
    };
    expect(await shown(files, 'z')).toEqual(['.sourceignore', 'sub/.sourceignore', 'y']);
  });

  it.each([
    ['of a file that is too large', { '.sourceignore': `x${'#'.repeat(100)}`, x: '' }, undefined, 'ignoreBytes'],
    ['of a file', { '.sourceignore': 'a\nb\nc\nd\n' }, undefined, 'ignorePatterns'],
    ['of the object', { x: '' }, 'a\nb\nc\nd\n', 'ignorePatterns'],
    ['of all together', { '.sourceignore': 'a\nb\n', 'sub/.sourceignore': 'c\n' }, 'd', 'ignorePatterns'],
  ])('%s are refused where they are too many', async (_, files, spec, limit) => {
    await expect(shown(files, spec)).rejects.toMatchObject({
      code: 'source-bounds',
      message: expect.stringContaining(`limits.${limit}`),
    });
  });

  it('count in a folder that others leave out, as in Flux', async () => {
    const files = { '.sourceignore': 'sub/\n', 'sub/.sourceignore': '!y\n', 'sub/y': '', 'sub/z': '', x: '' };
    expect(await shown(files)).toEqual(['.sourceignore', 'sub/y', 'x']);
  });
});
