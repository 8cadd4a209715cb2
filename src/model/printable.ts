/** Characters of a text from outside that a message shows, where nothing else is said. */
const SHOWN = 200;

/** The beginning of a text from outside, as any terminal and log shows it: `?` for what is no printable ASCII. */
export function printable(text: string, most: number = SHOWN): string {
  return text.slice(0, most).replace(/[^\x20-\x7e]/g, '?');
}

/** The same, where dots at the end say that it goes on. */
export function elided(text: string): string {
  return text.length > SHOWN ? `${printable(text, SHOWN - 3)}...` : printable(text);
}
