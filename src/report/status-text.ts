import {
  type AgentStatus,
  type ConfigurationStatus,
  type InboxStatus,
  type KustomizationStatus,
  type NotConverged,
  type Reachability,
  refText,
  type SourceStatus,
} from '../model/index.ts';
import { bytesText, type Cell, type Paint, painter, plain, revisionText, spanText, table, wrap } from './text.ts';

export interface StatusTextOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

interface Page {
  readonly paint: Paint;
  readonly width: number;
  /** Milliseconds since 1970: the document's own time, so that it reads the same later. */
  readonly now: number;
}

const since = (page: Page, time: string): string =>
  time === '' ? 'never' : spanText((page.now - Date.parse(time)) / 1000);

const ago = (page: Page, time: string): string => (time === '' ? 'never' : `${since(page, time)} ago`);

/**
 * Whether the cluster is as the newest revision on this disk declares. A link that is down does not change that:
 * freshness is a fact of its own.
 */
export function isConverged({ kustomizations, problems }: AgentStatus): boolean {
  return problems.length === 0 && kustomizations.every((one) => one.suspended || one.converged);
}

function headline(status: AgentStatus, page: Page): string {
  const { cluster, kustomizations } = status;
  const behind = kustomizations.filter((one) => !one.converged && !one.suspended).length;
  const name = page.paint(cluster.name === '' ? '(no name)' : plain(cluster.name), 'bold');
  if (kustomizations.length + status.sources.length === 0)
    return `${name}  ${page.paint('nothing is declared', 'warn')}`;
  if (isConverged(status)) {
    const stale = status.sources.some((one) => !one.suspended && one.ready !== 'True');
    return `${name}  ${page.paint('converged', 'good')}${stale ? ' with what is on this disk' : ''}`;
  }
  const count = behind === 0 ? '' : ` (${behind} of ${kustomizations.length})`;
  return `${name}  ${page.paint(`not converged${count}`, 'bad')}`;
}

function reach(page: Page, { state, since: from, message }: Reachability): string {
  const word = page.paint(state, state === 'up' ? 'good' : state === 'down' ? 'bad' : 'warn');
  const time = from === '' ? '' : ` for ${since(page, from)}`;
  return `${word}${time}${message === '' || state === 'up' ? '' : `: ${plain(message)}`}`;
}

function facts(status: AgentStatus, page: Page): readonly string[] {
  const { agent, cluster, clock, cache } = status;
  const version = cluster.version === '' ? '' : `, Kubernetes ${cluster.version.replace(/^v/, '')}`;
  const lines = [
    `link     ${reach(page, status.link)}`,
    `cluster  ${reach(page, cluster.api)}${version}`,
    ...diskLines(cache, page),
    `agent    ${agent.version}, up ${since(page, agent.startedAt)}${agent.leader ? '' : ', stands by (another is the leader)'}`,
  ];
  if (cache.damaged.length > 0)
    lines.push(
      page.paint(`damaged  ${cache.damaged.length} on disk: ${plain(cache.damaged.slice(0, 3).join(', '))}`, 'bad'),
    );
  if (agent.configuration !== undefined) lines.push(...configurationLines(agent.configuration, page));
  if (!clock.trusted) lines.push(page.paint(`clock    ${clock.now}: ${plain(clock.message)}`, 'warn'));
  return lines;
}

function diskLines(
  { bytes, limitBytes, freeBytes, low, notConverged: why }: AgentStatus['cache'],
  page: Page,
): readonly string[] {
  const free = freeBytes === undefined ? '' : `, ${bytesText(freeBytes)} free`;
  const use = `disk     ${bytesText(bytes)} of ${bytesText(limitBytes)}${free}`;
  if (why === undefined && low !== undefined)
    return [`${use}, ${page.paint(plain(low.message), 'warn')}`, ...helpLines(low.help, page)];
  if (why === undefined) return [use];
  const state = page.paint(`takes no writes for ${since(page, why.since)}`, 'bad');
  return [`${use}, ${state}`, ...reasonLines(why, page)];
}

function configurationLines({ state, message, help, since: from }: ConfigurationStatus, page: Page): readonly string[] {
  const [what, style] = state === 'changed' ? (['changed', 'warn'] as const) : (['is not valid', 'bad'] as const);
  return [
    page.paint(`config   ${what}, for ${since(page, from)}`, style),
    ...wrap(message, roomOf(page)).map((line) => `    ${page.paint(line, style)}`),
    ...helpLines(help, page),
  ];
}

const roomOf = (page: Page): number => Math.max(30, page.width - 8);

/** What to do, indented below what it is about. */
function helpLines(help: string, page: Page): readonly string[] {
  const [first = '', ...more] = wrap(help, roomOf(page));
  return [`    ${page.paint('->', 'bold')} ${first}`, ...more.map((line) => `       ${line}`)];
}

/** The reason and what to do, indented below what they are about. */
function reasonLines(why: NotConverged, page: Page): readonly string[] {
  const [first = '', ...rest] = wrap(`${why.reason} (${why.code}): ${why.message}`, roomOf(page));
  return [
    `    ${page.paint(first, 'bad')}`,
    ...rest.map((line) => `      ${page.paint(line, 'bad')}`),
    ...helpLines(why.help, page),
  ];
}

function readyCell(suspended: boolean, good: boolean, waiting: boolean): Cell {
  if (suspended) return { text: 'suspended', style: 'warn' };
  if (good) return { text: 'ok', style: 'good' };
  return waiting ? { text: 'working', style: 'warn' } : { text: 'failing', style: 'bad' };
}

/** What it has cost on the link so far, and what the fetch under way is to cost. */
function trafficText({ wire, expectedBytes }: SourceStatus): string {
  const moved = `${bytesText(wire.down)} down, ${bytesText(wire.up)} up`;
  return expectedBytes === 0 ? moved : `${moved}, fetching ${bytesText(expectedBytes)}`;
}

function sourceRow(one: SourceStatus, page: Page): readonly Cell[] {
  const confirmed = one.ageSeconds < 0 ? 'never confirmed' : `confirmed ${spanText(one.ageSeconds)} ago`;
  return [
    { text: `  ${refText(one)}` },
    readyCell(one.suspended, one.ready === 'True', one.ready === 'Unknown' && one.notConverged === undefined),
    { text: revisionText(one.revision) },
    { text: one.failures > 1 ? `${confirmed}, failed ${one.failures} times` : confirmed, style: 'dim' },
    {
      text:
        one.suspended || one.nextFetchAt === ''
          ? ''
          : `next in ${spanText((Date.parse(one.nextFetchAt) - page.now) / 1000)}`,
      style: 'dim',
    },
    { text: trafficText(one), style: 'dim' },
  ];
}

const INBOX_STYLES = { taken: 'good', held: 'warn', refused: 'bad' } as const;

function inboxRow({ file, state, code, since: from }: InboxStatus, page: Page): readonly Cell[] {
  return [
    { text: `  ${plain(file)}` },
    { text: state, style: INBOX_STYLES[state] },
    { text: code },
    { text: ago(page, from), style: 'dim' },
  ];
}

const HEALTH_WORDS = {
  InProgress: 'in progress',
  Failed: 'failed',
  Terminating: 'terminating',
  NotFound: 'missing',
  Unknown: 'unknown',
} as const;

function objectsText({ objects, drift }: KustomizationStatus): string {
  const parts = Object.entries(HEALTH_WORDS)
    .map(([health, word]) => ({ count: objects.byHealth[health as keyof typeof HEALTH_WORDS] ?? 0, word }))
    .filter(({ count }) => count > 0)
    .map(({ count, word }) => `${count} ${word}`);
  if (objects.held.length > 0) parts.push(`${objects.held.length} held`);
  const detail = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  return `${objects.total} objects${detail}${drift.healed === 0 ? '' : `, ${drift.healed} healed`}`;
}

function kustomizationRow(one: KustomizationStatus, page: Page): readonly Cell[] {
  const { lastAttemptedRevision: tried, lastAppliedRevision: applied } = one;
  const revision =
    tried === applied || tried === '' ? revisionText(applied) : `${revisionText(applied)} -> ${revisionText(tried)}`;
  return [
    { text: `  ${one.namespace}/${one.name}` },
    readyCell(one.suspended, one.converged, one.notConverged === undefined),
    { text: revision },
    { text: objectsText(one) },
    { text: `applied ${ago(page, one.lastAppliedAt)}`, style: 'dim' },
  ];
}

/** A cluster that is not the agent's own is a fact of its own. */
function remoteLines({ remote }: KustomizationStatus, page: Page): readonly string[] {
  if (remote === undefined) return [];
  const version = remote.version === '' ? '' : `, Kubernetes ${plain(remote.version).replace(/^v/, '')}`;
  return [cut(`    in another cluster: ${reach(page, remote.api)}${version}`, page.width)];
}

const MOST = 5;

function objectLines(one: KustomizationStatus, page: Page): readonly string[] {
  const all = [
    ...one.objects.held.map(({ object, reason }) => `held ${object}: ${reason}`),
    ...one.objects.unhealthy.map(
      ({ object, status, message }) => `${status} ${object}${message === '' ? '' : `: ${message}`}`,
    ),
  ];
  const lines = all.slice(0, MOST).map((text) => `      ${cut(plain(text), page.width - 6)}`);
  return all.length > MOST ? [...lines, `      and ${all.length - MOST} more: holdfast status -o json`] : lines;
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(10, width - 3))}...`;

/** Table rows, each followed by the lines that explain it. */
function section<T>(
  title: string,
  list: readonly T[],
  page: Page,
  row: (one: T) => readonly Cell[],
  below: (one: T) => readonly string[],
): readonly string[] {
  if (list.length === 0) return [];
  const rows = table(list.map(row), page.paint);
  return ['', page.paint(title, 'bold'), ...list.flatMap((one, i) => [rows[i] ?? '', ...below(one)])];
}

/** The page of `holdfast status`: for a person, short, one reason for each thing that is not as declared and what to do. */
export function statusText(status: AgentStatus, options: StatusTextOptions): string {
  const page: Page = { paint: painter(options.color), width: options.width, now: Date.parse(status.clock.now) };
  const why = (one: { readonly notConverged?: NotConverged }): readonly string[] =>
    one.notConverged === undefined ? [] : reasonLines(one.notConverged, page);
  const lines = [
    headline(status, page),
    ...facts(status, page).map((line) => `  ${line}`),
    ...section('Sources', status.sources, page, (one) => sourceRow(one, page), why),
    ...section(
      'Kustomizations',
      status.kustomizations,
      page,
      (one) => kustomizationRow(one, page),
      (one) => [...remoteLines(one, page), ...why(one), ...(one.converged ? [] : objectLines(one, page))],
    ),
    ...section(
      'Inbox',
      // The last status of an agent of an older version has none.
      status.inbox ?? [],
      page,
      (one) => inboxRow(one, page),
      (one) => (one.message === '' ? [] : [cut(`    ${plain(one.message)}`, page.width)]),
    ),
    ...section(
      'Configuration',
      status.problems,
      page,
      ({ where }) => [{ text: `  ${plain(where)}`, style: 'bad' }],
      ({ message }) => wrap(message, Math.max(30, page.width - 4)).map((line) => `    ${line}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
