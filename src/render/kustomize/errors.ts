import { Fault } from '../../model/index.ts';

/** A failure inside the room: its message grows outwards, as Go's wrapped errors do, and leaves as a Fault. */
export class BuildError extends Error {
  /** The YAML itself is broken, so trying the path as a folder would only hide the cause. */
  readonly malformed: boolean;

  constructor(message: string, malformed = false) {
    super(message);
    this.name = 'BuildError';
    this.malformed = malformed;
  }
}

/** Throws a BuildError. */
export function fail(message: string): never {
  throw new BuildError(message);
}

/** The same failure with `prefix: ` before its message; bounds keep their own kind. */
export function wrapped(error: unknown, prefix: string): unknown {
  if (error instanceof BuildError) return new BuildError(`${prefix}: ${error.message}`, error.malformed);
  return error;
}

/** Runs something and puts a prefix before the message of its failure. */
export function withPrefix<T>(prefix: () => string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw wrapped(error, prefix());
  }
}

/** Message of a failure of the build; anything else (a bound, a damaged file, a mistake here) is thrown on. */
export function messageOf(error: unknown): string {
  if (error instanceof BuildError) return error.message;
  throw error;
}

/** A bound was passed: never caught inside, names the limit. */
export function overLimit(name: string, limit: number, what: string): never {
  throw new Fault('build-failed', `${what} (limit ${name}: ${limit}). Make it smaller, or raise limits.${name}.`);
}

/** Go's %q for the text of messages. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
