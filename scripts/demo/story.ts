/** What the demo prints: a line for each thing done, with what was checked and how long it took. */
export interface Story {
  title(text: string): void;
  /** Runs a step and prints it with its time; the step answers what it checked. A failure ends the demo. */
  step(text: string, work: () => Promise<string>): Promise<void>;
  say(text: string): void;
}

export function tell(print: (text: string) => void, color: boolean): Story {
  const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    title: (text) => print(`\n${paint('1', text)}\n`),
    say: (text) => print(`  ${text}\n`),
    step: async (text, work) => {
      const began = performance.now();
      const checked = await work();
      const ms = performance.now() - began;
      const time = ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
      print(`  ${paint('32', '✓')} ${text.padEnd(58)} ${paint('36', time.padStart(7))}  ${checked}\n`);
    },
  };
}
