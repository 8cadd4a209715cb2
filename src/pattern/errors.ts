/** A pattern or selector that cannot be read; the message is Go's. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatternError';
  }
}

/** Throws a PatternError. */
export function fail(message: string): never {
  throw new PatternError(message);
}
