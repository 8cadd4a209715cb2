/** Labels of one sample. Empty values are left out, as Prometheus reads them the same. */
export type Labels = Readonly<Record<string, string>>;

/** Upper bounds of the buckets of run times in seconds: Flux's ten, and three below for runs that do nothing. */
export const DURATION_BUCKETS = [
  0.0005, 0.001, 0.003, 0.01, 0.0384, 0.147, 0.565, 2.17, 8.31, 31.9, 122, 469, 1800,
] as const;

/** Samples of a distribution, counted by bucket; `counts` has one more place for what is above the last bound. */
export interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** An empty histogram over DURATION_BUCKETS. */
export function newHistogram(): Histogram {
  return { counts: Array.from({ length: DURATION_BUCKETS.length + 1 }, () => 0), sum: 0, count: 0 };
}

/** Counts one value, in seconds. */
export function observeSeconds(histogram: Histogram, seconds: number): void {
  const at = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
  const place = at < 0 ? DURATION_BUCKETS.length : at;
  histogram.counts[place] = (histogram.counts[place] ?? 0) + 1;
  histogram.sum += seconds;
  histogram.count += 1;
}

/** Collects samples and prints them in the Prometheus text format 0.0.4. */
export interface MetricsWriter {
  /** Begins a metric. All of its samples follow before the next one begins. */
  metric(name: string, type: 'gauge' | 'counter' | 'histogram', help: string): void;
  sample(labels: Labels, value: number): void;
  histogram(labels: Labels, histogram: Histogram): void;
  text(): string;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function labelText(labels: Labels): string {
  const parts = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** A writer with nothing in it. A metric without samples is not printed. */
export function metricsWriter(): MetricsWriter {
  const lines: string[] = [];
  let name = '';
  let head = '';
  const put = (suffix: string, labels: Labels, value: number): void => {
    if (head !== '') lines.push(head);
    head = '';
    lines.push(`${name}${suffix}${labelText(labels)} ${numberText(value)}`);
  };
  return {
    metric: (next, type, help) => {
      name = next;
      head = `# HELP ${next} ${escapeHelp(help)}\n# TYPE ${next} ${type}`;
    },
    sample: (labels, value) => put('', labels, value),
    histogram: (labels, { counts, sum, count }) => {
      let below = 0;
      for (const [i, bound] of DURATION_BUCKETS.entries()) {
        below += counts[i] ?? 0;
        put('_bucket', { ...labels, le: String(bound) }, below);
      }
      put('_bucket', { ...labels, le: '+Inf' }, count);
      put('_sum', labels, sum);
      put('_count', labels, count);
    },
    text: () => (lines.length === 0 ? '' : `${lines.join('\n')}\n`),
  };
}
