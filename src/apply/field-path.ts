/** One step of a field path: the name of a field, or a place in a list. */
export type PathStep = string | number;

/** Longest path that is read; the API server writes far shorter ones. */
const MOST_STEPS = 64;

/**
 * Reads a field path as the API server writes it in a refusal: `spec.ports[1].name`, `metadata.annotations[a.b/c]`,
 * `.spec.containers[name="a"].image` (the place of such an item is not known and read as 0). Undefined when it is none.
 */
export function parseFieldPath(text: string): readonly PathStep[] | undefined {
  const steps: PathStep[] = [];
  let rest = text.startsWith('.') ? text.slice(1) : text;
  while (rest !== '') {
    const m = /^(?:\[([0-9]+)\]|\[([^\]]*)\]|\.?([^.[\]]+))/.exec(rest);
    if (m === null || steps.length === MOST_STEPS) return undefined;
    if (m[1] !== undefined) steps.push(Number(m[1]));
    else if (m[2] !== undefined && /^[\w.-]+=/.test(m[2])) steps.push(0);
    else steps.push(m[2] ?? m[3] ?? '');
    rest = rest.slice(m[0].length);
  }
  return steps.length === 0 ? undefined : steps;
}
