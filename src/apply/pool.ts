/**
 * Runs work in order with a bounded width, each item after the earlier items it waits for. Items later in the list are
 * never waited for, so it cannot deadlock. `run` must not throw.
 */
export async function inOrder<T>(
  items: readonly T[],
  width: number,
  job: {
    readonly id: (item: T) => string;
    readonly after: (item: T) => readonly string[];
    readonly run: (item: T) => Promise<void>;
  },
): Promise<void> {
  const done = new Map<string, Promise<void>>();
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      const earlier = job.after(item).flatMap((id) => done.get(id) ?? []);
      const work = (earlier.length === 0 ? Promise.resolve() : Promise.all(earlier)).then(() => job.run(item));
      done.set(job.id(item), work);
      await work;
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
