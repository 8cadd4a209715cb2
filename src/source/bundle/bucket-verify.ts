import { Fault, printable, sha256 } from '../../model/index.ts';
import { IGNORE_KEY } from '../bucket/ignore.ts';
import { cleanKey } from '../flat-tree.ts';
import { readArchive } from './archive.ts';
import type { ObjectList } from './bucket-list.ts';
import type { TakeOptions } from './bucket-take.ts';
import type { Readable, Span } from './span.ts';

/**
 * Reads the tar of a bucket's objects and holds it against their list: every file is what the list says, and of a whole none
 * is missing. Answers how many files are in it. Faults `bundle-damaged`, those of `readArchive`.
 */
export async function verifyObjects(
  file: Readable,
  { span, list }: { readonly span: Span; readonly list: ObjectList },
  options: TakeOptions,
): Promise<number> {
  const wanted = new Map<string, string>();
  for (const [key, { digest }] of list.objects) wanted.set(cleanKey(key, options.limits), digest);
  if (list.rules !== undefined) wanted.set(IGNORE_KEY, list.rules.digest);
  const here = new Set<string>();
  let count = 0;
  await readArchive(
    file,
    span,
    {
      file: ({ path, bytes }) => {
        const digest = sha256(bytes);
        if (wanted.get(path) !== digest)
          throw new Fault('bundle-damaged', `'${printable(path)}' is not what the list of objects says`);
        count += 1;
        here.add(digest);
      },
      drain: async () => undefined,
    },
    options,
  );
  const missing = [...wanted].find(([, digest]) => !here.has(digest));
  if (list.base === '' && missing !== undefined)
    throw new Fault('bundle-damaged', `'${printable(missing[0])}' is not in the bundle`);
  return count;
}
