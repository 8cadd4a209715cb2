import { asFault } from '../../src/model/index.ts';
import type { MediumEntry } from '../../src/ports/index.ts';
import type { InboxPorts } from './settings.ts';
import type { Teller } from './teller.ts';

type Ports = Pick<InboxPorts, 'medium' | 'limits'>;

/** Names under which files are while they are copied, and ours beside them. */
const PASSED_OVER = /^\.|\.(?:part|tmp|crdownload|reason)$|^(?:done|refused)$/;

/**
 * Files in a folder of the inbox, and folders in it that are image layouts, at most `limits.inboxFiles`. What is wrong is
 * told.
 */
export async function entriesOf(root: string, ports: Ports, teller: Teller): Promise<readonly MediumEntry[]> {
  const { medium, limits } = ports;
  try {
    const found = ((await medium.list(root)) ?? []).filter(({ name }) => !PASSED_OVER.test(name));
    const files: MediumEntry[] = [];
    let folders = 0;
    for (const entry of found) {
      if (entry.kind === 'folder' && ++folders > limits.inboxFiles) continue;
      const one = entry.kind === 'file' ? entry : await layoutOf(ports, `${root}/${entry.name}`);
      if (one !== undefined) files.push(one);
    }
    const counts = { files: files.length, limit: limits.inboxFiles };
    const tooMany = files.length > limits.inboxFiles;
    teller.folder(root, tooMany ? 'inbox has more files than are looked at' : '', counts);
    return files.slice(0, limits.inboxFiles);
  } catch (error) {
    teller.folder(root, 'inbox cannot be read', { error: asFault(error).message });
    return [];
  }
}

/** An image layout counts as a file; other folders are passed over, and so is one that cannot be looked into now. */
async function layoutOf({ medium, limits }: Ports, path: string): Promise<MediumEntry | undefined> {
  try {
    return await medium.layout(path, limits.bundleFiles);
  } catch {
    return undefined;
  }
}
