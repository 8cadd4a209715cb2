/** Which life of the cluster answers: the uid of kube-system, which is another one after the datastore was lost. */
export interface Epoch {
  /**
   * The uid as it was at this moment (`performance.now()`) or later; those who ask at the same time share one request.
   * '' where we may not know.
   */
  at(moment: number): Promise<string>;
}

/** Keeps the answer of `ask`, which gives the uid, or '' where it is denied. */
export function createEpoch(ask: () => Promise<string>): Epoch {
  let known: { readonly uid: string; readonly asked: number } | undefined;
  let running: { readonly asked: number; readonly answer: Promise<string> } | undefined;

  const start = (): Promise<string> => {
    const asked = performance.now();
    const answer = ask()
      .then((uid) => {
        known = { uid, asked };
        return uid;
      })
      .finally(() => {
        if (running?.asked === asked) running = undefined;
      });
    running = { asked, answer };
    return answer;
  };

  return {
    at: (moment) => {
      if (known !== undefined && known.asked >= moment) return Promise.resolve(known.uid);
      return running !== undefined && running.asked >= moment ? running.answer : start();
    },
  };
}
