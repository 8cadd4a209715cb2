/**
 * Answers what `make` makes, made anew when nothing but this held it any more: for what is large, seldom needed and
 * cheap to make again.
 */
export function weakly<T extends object>(make: () => T): () => T {
  let held: WeakRef<T> | undefined;
  return () => {
    const before = held?.deref();
    if (before !== undefined) return before;
    const made = make();
    held = new WeakRef(made);
    return made;
  };
}
