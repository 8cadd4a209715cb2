const NEWLINE = 10;

/**
 * Cuts a stream of bytes into lines of at most `max` bytes; `each` gets every non-empty line as text. Nothing longer is
 * kept: a longer line makes `push` throw a RangeError.
 */
export function createLines(
  max: number,
  each: (line: string) => void,
): { push(chunk: Buffer): void; readonly held: number } {
  let parts: Buffer[] = [];
  let held = 0;

  const hold = (part: Buffer): void => {
    if (part.byteLength === 0) return;
    held += part.byteLength;
    if (held > max) {
      parts = [];
      held = 0;
      throw new RangeError(`an event is larger than ${max} bytes (limits.watchEventBytes)`);
    }
    parts.push(part);
  };

  return {
    get held() {
      return held;
    },
    push(chunk) {
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        hold(chunk.subarray(from, end));
        from = end + 1;
        const line = parts.length === 1 ? (parts[0]?.toString('utf8') ?? '') : Buffer.concat(parts).toString('utf8');
        parts = [];
        held = 0;
        if (line !== '' && line !== '\r') each(line);
      }
      // A copy: a few bytes of a line must not keep a whole network buffer alive.
      hold(from === 0 ? chunk : Buffer.from(chunk.subarray(from)));
    },
  };
}
