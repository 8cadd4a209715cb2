import * as patterns from '../../../pattern/index.ts';
import { fail } from '../errors.ts';

export type { LabelSelector, Pattern } from '../../../pattern/index.ts';

/** A bad pattern is a failure of the build. */
function built<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof patterns.PatternError) return fail(error.message);
    throw error;
  }
}

/** See src/pattern; here a bad pattern fails the build. */
export const compilePattern = (source: string): patterns.Pattern => built(() => patterns.compilePattern(source));

/** See src/pattern; here a bad pattern fails the build. */
export const compileAnchored = (source: string): patterns.Pattern => built(() => patterns.compileAnchored(source));

/** See src/pattern; here a bad selector fails the build. */
export const parseLabelSelector = (text: string): patterns.LabelSelector =>
  built(() => patterns.parseLabelSelector(text));
