import { createHash } from 'node:crypto';
import { cpus, loadavg } from 'node:os';

export interface Row {
  readonly what: string;
  readonly ours: string;
  /** What it is to be held against: the floor of the same run. */
  readonly floor?: string;
  readonly flux?: string;
  readonly target?: string;
}

/** Prints rows as a Markdown table, so that it reads in a terminal and in docs/benchmarks.md. */
export function printTable(title: string, rows: readonly Row[]): void {
  const head = ['', 'Holdfast', 'against the floor', 'Flux', 'target'];
  const cells = rows.map(({ what, ours, floor = '', flux = '', target = '' }) => [what, ours, floor, flux, target]);
  const width = head.map((name, i) => Math.max(name.length, 3, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(width[i] ?? 0)).join(' | ')} |`;
  const rule = `|${width.map((n) => '-'.repeat(n + 2)).join('|')}|`;
  console.log(`\n### ${title}\n\n${[line(head), rule, ...cells.map(line)].join('\n')}\n`);
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The value that `share` of all are not above. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export const ms = (n: number): string => (n < 2_000 ? `${n.toFixed(0)} ms` : `${(n / 1000).toFixed(1)} s`);
export const mib = (n: number): string => `${n.toFixed(1)} MiB`;
export const spread = (values: readonly number[], text: (n: number) => string): string =>
  values.length < 2 ? text(values[0] ?? 0) : `${text(Math.min(...values))} to ${text(Math.max(...values))}`;

/** How steady the machine is: the same piece of work again and again through a run. */
export interface Noise {
  sample(): void;
  /** A sentence for the head of a table. */
  text(): string;
}

export function createNoise(): Noise {
  const times: number[] = [];
  const work = Buffer.alloc(8 << 20, 1);
  const loads: number[] = [];
  return {
    sample: () => {
      const began = performance.now();
      createHash('sha256').update(work).digest();
      times.push(performance.now() - began);
      loads.push(loadavg()[0] ?? 0);
    },
    text: () => {
      const { length } = cpus();
      return `${length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}; load ${spread(loads, (n) => n.toFixed(1))}; the same work took ${spread(times, (n) => `${n.toFixed(1)} ms`)} through the run`;
    },
  };
}
