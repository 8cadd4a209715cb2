import { Fault, printable } from '../model/index.ts';

const NAME_BYTES = 255;
/** Characters that HFS+ leaves out when it compares names; with them `.git` can be written in many ways. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const GIT_FOLDER = /^(\.git|git~[0-9]+)[ .]*(:.*)?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f/\\]/;

/**
 * Checks the names in one folder of a repository: no way out of the folder, none that means `.git` on some system, no
 * two that a system without case or with another Unicode form would take for one. Fault `source-refused` names it.
 */
export function checkNames(names: Iterable<string>, folder: string): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const why = nameFault(name);
    if (why !== undefined) throw refused(folder, name, why);
    const folded = fold(name);
    const twin = seen.get(folded);
    if (twin === name) throw refused(folder, name, 'it is there twice');
    if (twin !== undefined) throw refused(folder, name, `it differs from '${printable(twin)}' in case or form only`);
    seen.set(folded, name);
  }
}

/** Why a name cannot be taken; undefined when it can. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '.' || name === '..') return 'it leads out of its folder';
  if (FORBIDDEN.test(name)) return 'it has a slash, backslash or control character';
  if (Buffer.byteLength(name, 'utf8') > NAME_BYTES) return `it is longer than ${NAME_BYTES} bytes`;
  if (GIT_FOLDER.test(fold(name.replace(HFS_IGNORED, '')))) return 'it stands for a .git folder';
  return undefined;
}

function fold(name: string): string {
  return isAscii(name) ? name.toLowerCase() : name.normalize('NFC').toLowerCase().normalize('NFC');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function refused(folder: string, name: string, why: string): Fault {
  return new Fault('source-refused', `'${printable(folder === '' ? name : `${folder}/${name}`)}' is refused: ${why}`);
}
