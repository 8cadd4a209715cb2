/** One row of `apiserver_request_total`. */
export interface CountRow {
  /** `GET LIST WATCH POST PUT PATCH APPLY DELETE CONNECT`. */
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly code: string;
  readonly dryRun: boolean;
  readonly count: number;
}

export type CountFilter = Partial<Omit<CountRow, 'count'>>;

/** Requests that an API server has answered since it started. Watches count when they end. */
export interface RequestCounts {
  readonly rows: readonly CountRow[];
  readonly total: number;
  /** Sum of the rows that have these values. */
  of(filter: CountFilter): number;
  /** What came since an earlier reading; rows without a change are left out. */
  since(before: RequestCounts): RequestCounts;
}

const LINE = /^apiserver_request_total\{(.*)\} ([0-9.e+]+)$/;

/** Reads the counts out of the text of `/metrics`. */
export function parseCounts(metrics: string): RequestCounts {
  const rows: CountRow[] = [];
  for (const line of metrics.split('\n')) {
    const [, labels, value] = LINE.exec(line) ?? [];
    if (labels === undefined || value === undefined) continue;
    const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    rows.push({
      verb: label('verb'),
      group: label('group'),
      resource: label('resource'),
      subresource: label('subresource'),
      code: label('code'),
      dryRun: label('dry_run') !== '',
      count: Number(value),
    });
  }
  return counts(rows);
}

function counts(rows: readonly CountRow[]): RequestCounts {
  const sum = (list: readonly CountRow[]) => list.reduce((all, row) => all + row.count, 0);
  const matches = (row: CountRow, filter: CountFilter) =>
    Object.entries(filter).every(([key, value]) => row[key as keyof CountRow] === value);
  const same = (a: CountRow) => JSON.stringify({ ...a, count: 0 });
  return {
    rows,
    total: sum(rows),
    of: (filter) => sum(rows.filter((row) => matches(row, filter))),
    since: (before) => {
      const earlier = new Map<string, number>();
      for (const row of before.rows) earlier.set(same(row), (earlier.get(same(row)) ?? 0) + row.count);
      const merged = new Map<string, CountRow>();
      for (const row of rows) merged.set(same(row), { ...row, count: row.count + (merged.get(same(row))?.count ?? 0) });
      const changed = [...merged].map(([key, row]) => ({ ...row, count: row.count - (earlier.get(key) ?? 0) }));
      return counts(changed.filter((row) => row.count !== 0));
    },
  };
}
