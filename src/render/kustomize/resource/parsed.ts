import { copyNode, type Node } from '../yaml/node.ts';

/** Documents of texts that were parsed before: a base that many roots of one revision share is parsed once. */
export interface ParsedTexts {
  /** Copies, since a build changes what it gets. */
  get(text: string): Node[] | undefined;
  put(text: string, nodes: readonly Node[]): void;
}

/** Keeps texts up to so many characters in all; one more empties it, because the next revision needs others anyway. */
export function parsedTexts(maxChars: number): ParsedTexts {
  const known = new Map<string, readonly Node[]>();
  let chars = 0;
  return {
    get: (text) => known.get(text)?.map(copyNode),
    put: (text, nodes) => {
      if (text.length > maxChars) return;
      if (chars + text.length > maxChars) {
        known.clear();
        chars = 0;
      }
      chars += text.length;
      known.set(text, nodes.map(copyNode));
    },
  };
}
