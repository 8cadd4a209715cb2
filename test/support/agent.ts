import { systemClock } from '../../agent/adapters/clock/index.ts';
import { createLog } from '../../agent/adapters/log/index.ts';
import type { LoopSettings, Objects } from '../../agent/loop/env.ts';
import { type Agent, type AgentOptions, startAgent } from '../../agent/wire.ts';
import { type FluxDocument, parseFluxObjects } from '../../src/flux/index.ts';
import { DEFAULT_LIMITS, type KustomizationStatus, type Limits } from '../../src/model/index.ts';
import type { Clock } from '../../src/ports/index.ts';
import { parseDocuments } from '../../src/render/yaml/index.ts';
import { until } from './until.ts';

export interface TestAgentOptions {
  readonly stateDir: string;
  readonly kubeconfig: string;
  readonly limits?: Partial<Limits>;
  readonly settings?: Partial<LoopSettings>;
  readonly workers?: AgentOptions['workers'];
  readonly clock?: Clock;
  /** Any free port when not given. */
  readonly listen?: string;
  /** YAML of Flux objects in files. */
  readonly objects: string;
  /** Takes Flux objects of the cluster, too. */
  readonly clusterObjects?: AgentOptions['clusterObjects'];
  readonly keepSecrets?: boolean;
  readonly keys?: AgentOptions['keys'];
  readonly inbox?: AgentOptions['inbox'];
}

export interface TestAgent extends Agent {
  /** Log lines so far. */
  /** What it was started with. */
  readonly options: AgentOptions;
  readonly lines: readonly Record<string, unknown>[];
  declare(yaml: string): void;
  /** No request of it reaches the API server from now on. */
  freeze(): void;
  kustomization(name?: string): KustomizationStatus;
  /** Waits until a Kustomization is as asked; throws with its state when it does not become so. */
  reaches(
    check: (status: KustomizationStatus) => boolean,
    options?: { name?: string; timeoutMs?: number },
  ): Promise<KustomizationStatus>;
}

/** The declared objects of YAML text, as the configuration would read them. */
export function objectsOf(yaml: string): Objects {
  const { documents } = parseDocuments(Buffer.from(yaml), { limits: DEFAULT_LIMITS, file: 'test.yaml' });
  const parsed = parseFluxObjects(
    documents.map((one): FluxDocument => ({ value: one.value, file: 'test.yaml', line: one.line })),
  );
  const problems = parsed.errors.map((one) => ({ where: `${one.file}:${one.line}`, message: one.message }));
  return {
    sources: parsed.objects.flatMap((one) => (one.kind === 'Kustomization' ? [] : [one])),
    kustomizations: parsed.objects.flatMap((one) => (one.kind === 'Kustomization' ? [one] : [])),
    data: parsed.data,
    problems,
    complete: problems.length === 0,
  };
}

/** The whole agent in this process, on a real disk, wire and cluster. */
export async function startTestAgent(options: TestAgentOptions): Promise<TestAgent> {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: 'debug',
    clock: systemClock(),
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const settings: LoopSettings = {
    clusterName: 'test',
    clusterLabels: {},
    limits,
    guard: { share: 0.5, minimum: 10 },
    fullCheckMs: 0,
    fetchScope: 'whole',
    schedules: [],
    version: 'test',
    lease: { enabled: false, namespace: 'flux-system', name: 'holdfast', leaseDurationMs: 15_000 },
    identity: 'test',
    tenancy: { noCrossNamespaceRefs: false, defaultServiceAccount: '' },
    trustedAfter: Date.UTC(2026, 0, 1),
    ...options.settings,
  };
  const all: AgentOptions = {
    stateDir: options.stateDir,
    kubeconfig: options.kubeconfig,
    listen: options.listen ?? '127.0.0.1:0',
    limits,
    settings,
    workers: options.workers ?? 'never',
    proxy: { http: '', https: '', no: [] },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.inbox === undefined ? {} : { inbox: options.inbox }),
    ...(options.keys === undefined ? {} : { keys: options.keys }),
    ...(options.keepSecrets === undefined ? {} : { keepSecrets: options.keepSecrets }),
    ...(options.clusterObjects === undefined ? {} : { clusterObjects: options.clusterObjects }),
    log,
  };
  const agent = await startAgent(all);
  agent.loop.declare(objectsOf(options.objects));
  const kustomization = (name = 'app'): KustomizationStatus => {
    const found = agent.loop.status().kustomizations.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no Kustomization ${name} is declared`);
    return found;
  };
  return {
    ...agent,
    options: all,
    lines,
    kustomization,
    freeze: () => agent.parts.cluster.close(),
    declare: (yaml) => agent.loop.declare(objectsOf(yaml)),
    reaches: async (check, { name = 'app', timeoutMs = 20_000 } = {}) => {
      try {
        return await until(() => (check(kustomization(name)) ? kustomization(name) : undefined), { within: timeoutMs });
      } catch {
        const last = lines
          .slice(-15)
          .map((line) => JSON.stringify(line))
          .join('\n');
        throw new Error(`not reached; it is ${JSON.stringify(kustomization(name), undefined, 1)}\n${last}`);
      }
    },
  };
}

/** A GitRepository and a Kustomization of one repository, `flux-system/app`. */
export function appObjects(options: {
  readonly url: string;
  readonly source?: string;
  readonly spec?: string;
  readonly interval?: string;
}): string {
  const indent = (text: string): string =>
    text
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n');
  return `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: app, namespace: flux-system }
spec:
  url: ${options.url}
  interval: ${options.interval ?? '1h'}
  ref: { branch: main }
${indent(options.source ?? '')}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: app, namespace: flux-system }
spec:
  interval: 1h
  retryInterval: 2s
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${indent(options.spec ?? '')}
`;
}
