import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as z from 'zod/mini';
import { parseDuration, pathText, problemsOf } from '../../src/flux/index.ts';
import { DEFAULT_LIMITS, Fault, isObject, type LimitName, type Limits } from '../../src/model/index.ts';
import { parseDocuments, type YamlDocument } from '../../src/render/yaml/index.ts';
import { parseAddress } from '../http/address.ts';
import { parseQuantity } from './limits.ts';
import { checkSchedules } from './schedules.ts';
import { agentConfigurationSchema, type RawAgentConfiguration } from './schema.ts';
import type { AgentConfig, ProxyConfig } from './types.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the AgentConfiguration file. Throws Fault `config-invalid` whose message is one line: file, line and path of
 * the first problem, and how many more there are.
 */
export async function loadConfig(path: string, env: Env): Promise<AgentConfig> {
  const { config, refuse } = readWhole(readFile(path), path, env);
  await checkSchedules(config.fetchSchedule, refuse);
  return config;
}

/** The bytes of the file. Fault `config-invalid`, also for more than `limits.configBytes`. */
export function readFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > DEFAULT_LIMITS.configBytes) {
      throw new Fault(
        'config-invalid',
        `${path}: ${size} bytes are more than limits.configBytes = ${DEFAULT_LIMITS.configBytes}`,
      );
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'no right to read it' : `cannot be read (${code})`;
    throw new Fault('config-invalid', `${path}: ${reason}`, { cause: error });
  }
}

/** The same from text, for tests and editors; cron expressions are not looked at. */
export function readConfig(input: string | Uint8Array, file: string, env: Env): AgentConfig {
  return readWhole(input, file, env).config;
}

function readWhole(
  input: string | Uint8Array,
  file: string,
  env: Env,
): { readonly config: AgentConfig; readonly refuse: Refuse } {
  const document = onlyDocument(input, file);
  const result = z.safeParse(agentConfigurationSchema(), document.value, { jitless: true });
  if (!result.success)
    throw refusal(file, document, problemsOf(result.error, agentConfigurationSchema(), document.value));
  const refuse: Refuse = (path, message) => refusal(file, document, [{ path, message }]);
  return { config: toConfig(result.data, file, env, refuse), refuse };
}

function onlyDocument(input: string | Uint8Array, file: string): YamlDocument {
  try {
    const { documents } = parseDocuments(input, {
      file,
      limits: { ...DEFAULT_LIMITS, manifestBytes: DEFAULT_LIMITS.configBytes },
    });
    const ours = documents.filter(({ value }) => !isObject(value) || value['kind'] === 'AgentConfiguration');
    const document = ours[0] ?? documents[0];
    if (document === undefined) throw new Fault('config-invalid', `${file}: no AgentConfiguration in the file`);
    if (ours.length > 1) {
      throw new Fault('config-invalid', `${file}:${ours[1]?.line ?? 1}: a second AgentConfiguration; one file has one`);
    }
    if (!isObject(document.value))
      throw new Fault('config-invalid', `${file}:${document.line}: is not an AgentConfiguration`);
    return document;
  } catch (error) {
    if (error instanceof Fault && error.code !== 'config-invalid')
      throw new Fault('config-invalid', error.message, { cause: error });
    throw error;
  }
}

interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function refusal(file: string, document: YamlDocument, problems: readonly Problem[]): Fault {
  const lines = new Map(problems.map((problem) => [problem, document.lineOf(problem.path)]));
  const sorted = [...problems].sort((a, b) => (lines.get(a) ?? 0) - (lines.get(b) ?? 0));
  const first = sorted[0] ?? { path: [], message: 'is not valid' };
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const field = pathText(first.path);
  return new Fault(
    'config-invalid',
    `${file}:${document.lineOf(first.path)}: ${field === '' ? '' : `${field}: `}${first.message}${more}`,
  );
}

type Refuse = (path: readonly (string | number)[], message: string) => Fault;

function objectsOf(raw: RawAgentConfiguration['objects'], here: (path: string) => string): AgentConfig['objects'] {
  const { enabled = false, namespaces = [], labelSelector = '' } = raw?.cluster ?? {};
  const files = (raw?.files ?? ['/etc/holdfast/objects']).map(here);
  return { files, cluster: { enabled, namespaces, labelSelector }, keepSecrets: raw?.keepSecrets ?? true };
}

function toConfig(raw: RawAgentConfiguration, file: string, env: Env, refuse: Refuse): AgentConfig {
  const here = (path: string): string => resolve(dirname(file), path);
  const optional = (path = ''): string => (path === '' ? '' : here(path));
  const ms = (name: string, text: string): number => {
    const value = parseDuration(text);
    if (value === undefined) throw refuse(name.split('.'), 'the duration is out of range');
    return value;
  };
  return {
    cluster: { name: raw.cluster.name, labels: raw.cluster.labels ?? {} },
    stateDir: here(raw.stateDir ?? '/var/lib/holdfast'),
    objects: objectsOf(raw.objects, here),
    kubeconfig: optional(raw.kubeconfig),
    kubeconfigFallback: env['KUBECONFIG'] ?? '',
    listen: raw.listen ?? '127.0.0.1:8080',
    artifacts: {
      listen: tcp(raw.artifacts?.listen ?? '127.0.0.1:9790', refuse),
      advertise: (raw.artifacts?.advertise ?? '').replace(/\/+$/, ''),
    },
    logLevel: raw.logLevel ?? 'info',
    fullCheckMs: ms('fullCheckInterval', raw.fullCheckInterval ?? '6h'),
    proxy: proxyOf(raw.proxy, env),
    ssh: {
      hostKeyAlgorithms: raw.ssh?.hostKeyAlgorithms ?? [],
      kexAlgorithms: raw.ssh?.kexAlgorithms ?? [],
    },
    sources: { fetchScope: raw.sources?.fetchScope ?? 'whole' },
    fetchSchedule: (raw.fetchSchedule ?? []).map((one) => ({ ...one, timeZone: one.timeZone ?? 'UTC' })),
    inbox: inboxOf(raw.inbox, here, ms),
    decryption: {
      ageKeyFile: optional(raw.decryption?.ageKeyFile),
      keyDir: optional(raw.decryption?.keyDir),
    },
    verification: { trustedRootFile: optional(raw.verification?.trustedRootFile) },
    sealKeyFile: optional(raw.sealKeyFile),
    pruneGuard: { share: raw.pruneGuard?.share ?? 0.5, minimum: raw.pruneGuard?.minimum ?? 10 },
    leaderElection: {
      enabled: raw.leaderElection?.enabled ?? false,
      namespace: raw.leaderElection?.namespace ?? 'holdfast',
      name: raw.leaderElection?.name ?? 'holdfast',
      leaseDurationMs: ms('leaderElection.leaseDuration', raw.leaderElection?.leaseDuration ?? '15s'),
    },
    tenancy: {
      noCrossNamespaceRefs: raw.tenancy?.noCrossNamespaceRefs ?? false,
      defaultServiceAccount: raw.tenancy?.defaultServiceAccount ?? '',
    },
    workers: raw.workers ?? 'auto',
    limits: limitsOf(raw.limits ?? {}),
  };
}

function inboxOf(
  raw: RawAgentConfiguration['inbox'],
  here: (path: string) => string,
  ms: (name: string, text: string) => number,
): AgentConfig['inbox'] {
  return {
    paths: (raw?.paths ?? []).map(here),
    intervalMs: Math.max(LEAST_INTERVAL_MS, ms('inbox.interval', raw?.interval ?? '10s')),
    patienceMs: ms('inbox.patience', raw?.patience ?? '1m'),
    moveAside: raw?.moveAside ?? true,
    requireVerify: raw?.requireVerify ?? false,
  };
}

/** A shorter interval would only wear the stick. */
const LEAST_INTERVAL_MS = 100;

/** Artifacts are for others than this user: no socket's path. */
function tcp(listen: string, refuse: Refuse): string {
  const found = ((): string => {
    try {
      return parseAddress(listen).kind;
    } catch {
      return '';
    }
  })();
  if (found === 'tcp') return listen;
  throw refuse(['artifacts', 'listen'], 'must be host:port, such as 0.0.0.0:9790');
}

function limitsOf(raw: NonNullable<RawAgentConfiguration['limits']>): Limits {
  const names = Object.keys(DEFAULT_LIMITS) as LimitName[];
  const entries = names.map((name): [LimitName, number] => {
    const value = raw[name];
    if (typeof value === 'number') return [name, value];
    const read = value === undefined ? undefined : name.endsWith('Ms') ? parseDuration(value) : parseQuantity(value);
    return [name, read ?? DEFAULT_LIMITS[name]];
  });
  return Object.fromEntries(entries) as Limits;
}

function proxyOf(raw: RawAgentConfiguration['proxy'], env: Env): ProxyConfig {
  const first = (...names: readonly string[]): string =>
    names.map((name) => env[name] ?? '').find((value) => value !== '') ?? '';
  const no = raw?.noProxy ?? first('NO_PROXY', 'no_proxy');
  return {
    // Only in lower case is http_proxy safe: a CGI server sets HTTP_PROXY from a header. An agent is none.
    http: raw?.httpProxy ?? first('HTTP_PROXY', 'http_proxy'),
    https: raw?.httpsProxy ?? first('HTTPS_PROXY', 'https_proxy'),
    no: no
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== ''),
  };
}
