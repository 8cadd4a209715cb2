import { Fault } from '../model/index.ts';

/** What cannot be decrypted: where, and why. Never a value. */
export function refuse(where: string, why: string, cause?: unknown): Fault {
  return new Fault('decryption-failed', where === '' ? why : `${where}: ${why}`, { cause });
}

/** Names of keys and files as messages show them: they come from outside. */
export function shown(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return short.replace(/[^\x20-\x7e\xa0-\ud7ff]/g, '?');
}
