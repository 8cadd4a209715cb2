import {
  type AgentStatus,
  byCodeUnit,
  type KustomizationStatus,
  type Reachability,
  type SourceStatus,
} from '../model/index.ts';
import type { Counters } from './counters.ts';
import { type Labels, type MetricsWriter, metricsWriter } from './prometheus.ts';

/** Facts of the process, measured when asked for. */
export interface ProcessFacts {
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly openFiles?: number;
}

/** Traffic with the API server since the process started. */
export interface ApiFacts {
  readonly requests: Readonly<Record<string, number>>;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly throttled: number;
  readonly connections: number;
}

export interface MetricsInput {
  readonly counters: Counters;
  readonly api?: ApiFacts;
  readonly build?: { readonly commit: string; readonly node: string };
  readonly process?: ProcessFacts;
}

const seconds = (time: string): number => Date.parse(time) / 1000;

const flag = (yes: boolean): number => (yes ? 1 : 0);

/** A gauge of one sample without labels. */
function gauge(out: MetricsWriter, name: string, help: string, value: number): void {
  out.metric(name, 'gauge', help);
  out.sample({}, value);
}

/** One sample for each state, 1 for the present one: a graph of it needs no knowledge of numbers. */
function reachability(out: MetricsWriter, name: string, what: string, { state, since }: Reachability): void {
  out.metric(`${name}_state`, 'gauge', `Whether ${what} is reached: 1 for the present state.`);
  for (const each of ['up', 'down', 'unknown']) out.sample({ state: each }, flag(each === state));
  if (since !== '') gauge(out, `${name}_since_timestamp_seconds`, `When ${what} came into this state.`, seconds(since));
}

const owner = ({ namespace, name }: { readonly namespace: string; readonly name: string }): Labels => ({
  namespace,
  name,
});

const sourceLabels = (source: SourceStatus): Labels => ({ kind: source.kind, ...owner(source) });

function site(out: MetricsWriter, status: AgentStatus, input: MetricsInput): void {
  const { agent, cluster, clock, cache } = status;
  out.metric('holdfast_build_info', 'gauge', 'What runs; always 1.');
  out.sample({ version: agent.version, commit: input.build?.commit ?? '', node: input.build?.node ?? '' }, 1);
  out.metric('holdfast_cluster_info', 'gauge', 'Which cluster is kept; always 1.');
  out.sample({ cluster: cluster.name, uid: cluster.uid, kubernetes: cluster.version }, 1);
  gauge(out, 'holdfast_ready', 'Whether the agent does its work.', flag(agent.ready));
  gauge(out, 'holdfast_leader', 'Whether this agent is the one that applies.', flag(agent.leader));
  reachability(out, 'holdfast_link', 'the network to the sources', status.link);
  reachability(out, 'holdfast_api', 'the API server', cluster.api);
  gauge(out, 'holdfast_clock_trusted', 'Whether the wall clock can be right.', flag(clock.trusted));
  gauge(out, 'holdfast_cache_bytes', 'Bytes in the state folder.', cache.bytes);
  gauge(out, 'holdfast_cache_limit_bytes', 'Bytes the state folder may hold.', cache.limitBytes);
  if (cache.freeBytes !== undefined)
    gauge(out, 'holdfast_cache_free_bytes', 'Bytes free on the disk of the state folder.', cache.freeBytes);
  gauge(
    out,
    'holdfast_cache_low',
    'Whether less is free on the disk of the state folder than the next revision may need.',
    flag(cache.low !== undefined || cache.notConverged?.code === 'cache-full'),
  );
  gauge(
    out,
    'holdfast_cache_writable',
    'Whether the state folder takes writes.',
    flag(cache.notConverged === undefined),
  );
  gauge(
    out,
    'holdfast_cache_damaged',
    'Stored items that do not have their digest and wait to be healed.',
    cache.damaged.length,
  );
  out.metric(
    'holdfast_configuration_file_state',
    'gauge',
    'The AgentConfiguration file beside what runs: 1 for its state.',
  );
  for (const state of ['current', 'changed', 'invalid'])
    out.sample({ state }, flag((agent.configuration?.state ?? 'current') === state));
  gauge(
    out,
    'holdfast_configuration_problems',
    'Declared objects or files that could not be read.',
    status.problems.length,
  );
  for (const state of ['held', 'refused'] as const)
    gauge(
      out,
      `holdfast_inbox_${state}`,
      `Files in the inbox that are ${state}.`,
      status.inbox.filter((one) => one.state === state).length,
    );
}

/** The names and labels that Flux's kube-state-metrics configuration gives the same facts. */
function fluxInfo(out: MetricsWriter, status: AgentStatus): void {
  out.metric('gotk_resource_info', 'gauge', 'The present state of a Flux object; always 1.');
  for (const source of status.sources)
    out.sample(
      {
        customresource_kind: source.kind,
        exported_namespace: source.namespace,
        name: source.name,
        ready: source.ready,
        suspended: String(source.suspended),
        revision: source.revision,
        url: source.url,
      },
      1,
    );
  for (const one of status.kustomizations)
    out.sample(
      {
        customresource_kind: 'Kustomization',
        exported_namespace: one.namespace,
        name: one.name,
        ready: one.ready,
        suspended: String(one.suspended),
        revision: one.lastAppliedRevision,
        source_name: one.source.split('/').at(-1) ?? '',
        path: one.path,
      },
      1,
    );
}

function runs(out: MetricsWriter, counters: Counters): void {
  out.metric('gotk_reconcile_duration_seconds', 'histogram', 'How long a run of an object took.');
  for (const { kind, namespace, name, seconds: histogram } of counters.runs())
    out.histogram({ kind, name, namespace }, histogram);
  const results = counters.results();
  out.metric('controller_runtime_reconcile_total', 'counter', 'Runs by kind and result.');
  for (const { kind, result, count } of results) out.sample({ controller: kind.toLowerCase(), result }, count);
  out.metric('controller_runtime_reconcile_errors_total', 'counter', 'Runs by kind that failed.');
  for (const { kind, result, count } of results)
    if (result === 'error') out.sample({ controller: kind.toLowerCase() }, count);
}

function sources(out: MetricsWriter, list: readonly SourceStatus[]): void {
  const each = (name: string, type: 'gauge' | 'counter', help: string, value: (one: SourceStatus) => number): void => {
    out.metric(name, type, help);
    for (const one of list) out.sample(sourceLabels(one), value(one));
  };
  out.metric(
    'holdfast_source_age_seconds',
    'gauge',
    'Since the server last confirmed the revision; absent before the first time.',
  );
  for (const one of list) if (one.ageSeconds >= 0) out.sample(sourceLabels(one), one.ageSeconds);
  each('holdfast_source_failures', 'gauge', 'Failed fetches in a row.', (one) => one.failures);
  each('holdfast_source_reachable', 'gauge', 'Whether the last attempt reached the server.', (one) =>
    flag(one.link.state === 'up'),
  );
  each(
    'holdfast_source_expected_bytes',
    'gauge',
    'Bytes that the fetch under way is to receive; 0 when none is, or its protocol does not tell.',
    (one) => one.expectedBytes,
  );
  each(
    'holdfast_source_requests_total',
    'counter',
    'Requests to the server of the source.',
    (one) => one.wire.requests,
  );
  out.metric('holdfast_source_bytes_total', 'counter', 'Bytes exchanged with the server of the source.');
  for (const one of list) {
    out.sample({ ...sourceLabels(one), direction: 'received' }, one.wire.down);
    out.sample({ ...sourceLabels(one), direction: 'sent' }, one.wire.up);
  }
}

function kustomizations(out: MetricsWriter, list: readonly KustomizationStatus[]): void {
  out.metric('holdfast_converged', 'gauge', 'Whether the cluster is as the newest revision declares.');
  for (const one of list) out.sample(owner(one), flag(one.converged));
  out.metric('holdfast_objects', 'gauge', 'Objects in the cluster by health.');
  for (const one of list)
    for (const [health, count] of Object.entries(one.objects.byHealth)) out.sample({ ...owner(one), health }, count);
  out.metric('holdfast_objects_held', 'gauge', 'Objects that were refused or held back; at most 20 are counted.');
  for (const one of list) out.sample(owner(one), one.objects.held.length);
  out.metric('holdfast_inventory_objects', 'gauge', 'Objects in the inventory.');
  for (const one of list) out.sample(owner(one), one.objects.total);
  out.metric('holdfast_drift_healed_total', 'counter', 'Objects that were changed by others and put back.');
  for (const one of list) out.sample(owner(one), one.drift.healed);
  out.metric(
    'holdfast_last_apply_timestamp_seconds',
    'gauge',
    'When a revision was last applied; absent before the first time.',
  );
  for (const one of list) if (one.lastAppliedAt !== '') out.sample(owner(one), seconds(one.lastAppliedAt));
}

function reasons(out: MetricsWriter, status: AgentStatus): void {
  out.metric('holdfast_not_converged', 'gauge', 'The one reason why an object is not as declared; 1 while it holds.');
  const all = [...status.sources, ...status.kustomizations.map((one) => ({ ...one, kind: 'Kustomization' }))];
  for (const one of all)
    if (one.notConverged !== undefined)
      out.sample({ kind: one.kind, ...owner(one), code: one.notConverged.code, reason: one.notConverged.reason }, 1);
}

function apiFacts(out: MetricsWriter, api: ApiFacts): void {
  out.metric('holdfast_api_requests_total', 'counter', 'Requests to the API server by verb.');
  for (const verb of Object.keys(api.requests).sort(byCodeUnit)) out.sample({ verb }, api.requests[verb] ?? 0);
  out.metric('holdfast_api_bytes_total', 'counter', 'Bytes of bodies exchanged with the API server.');
  out.sample({ direction: 'received' }, api.bytesDown);
  out.sample({ direction: 'sent' }, api.bytesUp);
  out.metric('holdfast_api_throttled_total', 'counter', 'Answers of the API server that asked to wait.');
  out.sample({}, api.throttled);
  out.metric('holdfast_api_connections_total', 'counter', 'Connections opened to the API server.');
  out.sample({}, api.connections);
}

function processFacts(out: MetricsWriter, facts: ProcessFacts): void {
  gauge(out, 'process_resident_memory_bytes', 'Resident memory.', facts.residentBytes);
  gauge(out, 'process_start_time_seconds', 'When the process started, since 1970.', facts.startedAt);
  if (facts.openFiles !== undefined) gauge(out, 'process_open_fds', 'Open files.', facts.openFiles);
  out.metric('process_cpu_seconds_total', 'counter', 'Processor time used.');
  out.sample({}, facts.cpuSeconds);
}

/**
 * The page behind `/metrics`, Prometheus text format 0.0.4: the facts of the status document and the counted events.
 * Flux 2.9's names where Flux has one (`gotk_*`, `controller_runtime_reconcile_*`), `holdfast_*` else.
 */
export function metricsText(status: AgentStatus, input: MetricsInput): string {
  const out = metricsWriter();
  site(out, status, input);
  fluxInfo(out, status);
  runs(out, input.counters);
  sources(out, status.sources);
  kustomizations(out, status.kustomizations);
  reasons(out, status);
  if (input.api !== undefined) apiFacts(out, input.api);
  if (input.process !== undefined) processFacts(out, input.process);
  return out.text();
}
