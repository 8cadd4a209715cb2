import { type Json, type JsonObject, sha256, textAt, toJson, withoutLogins } from '../model/index.ts';
import { parseDuration } from './duration.ts';
import type { FieldProblem } from './issues.ts';
import { type FluxMeta, FROM_CLUSTER, REQUESTED } from './meta.ts';
import type { RawGitRepository } from './schema-git.ts';
import type { RawKustomization } from './schema-kustomization.ts';
import type { GitRef, GitRepository, Kustomization, KustomizationSpec } from './types.ts';

export const MINUTE = 60_000;
/** Flux's floor for the timeout of a Kustomization, and what it takes off the interval for the default. */
const HALF_MINUTE = 30_000;

/** Collects what the schemas cannot say. */
export type Report = (problem: FieldProblem) => void;

/** Adds a problem at a path. */
export function note(report: Report, path: FieldProblem['path'], message: string): void {
  report({ path, message, unknown: false });
}

/** Metadata; an object from a file gets a generation that changes with its spec. */
export function metaOf(value: JsonObject, origin: string, defaultNamespace: string): FluxMeta {
  const metadata = value['metadata'];
  const written = (metadata as JsonObject)['generation'];
  return {
    name: textAt(metadata, 'name') ?? '',
    namespace: textAt(metadata, 'namespace') ?? defaultNamespace,
    generation: typeof written === 'number' ? written : generationOf(value['spec'] ?? null),
    uid: textAt(metadata, 'uid') ?? '',
    labels: textMap((metadata as JsonObject)['labels']),
    annotations: textMap((metadata as JsonObject)['annotations']),
    requestedAt: textAt(metadata, 'annotations', REQUESTED) ?? '',
    origin,
    ...(origin === FROM_CLUSTER ? compact({ resourceVersion: textAt(metadata, 'resourceVersion') }) : {}),
    ...(textAt(metadata, 'deletionTimestamp') === undefined ? {} : { deleting: true }),
  };
}

function textMap(value: Json | undefined): Readonly<Record<string, string>> {
  return (value ?? {}) as Readonly<Record<string, string>>;
}

function generationOf(spec: Json): number {
  return Number.parseInt(sha256(toJson(spec)).slice(7, 18), 16) + 1;
}

/** Milliseconds of a duration, with what is wrong with it reported. */
export function milliseconds(report: Report, field: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const ms = parseDuration(text);
  if (ms === undefined) note(report, ['spec', field], 'the duration is out of range');
  else if (ms === 0 && field !== 'timeout') note(report, ['spec', field], 'must be more than zero');
  return ms ?? fallback;
}

/** A timer takes no more than 24 days, and an attempt that takes longer than this is of no use. */
const DAY = 24 * 60 * MINUTE;

/** `timeout` of a source, milliseconds: Flux's default without one, and a day at most. */
export function attemptTime(report: Report, text: string | undefined): number {
  return Math.min(milliseconds(report, 'timeout', text, MINUTE) || MINUTE, DAY);
}

/** Only the keys that have a value; the empty string counts as absent, as in Go. */
export function compact<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const verifyMode = (mode: string | undefined): string => (mode === undefined || mode === 'head' ? 'HEAD' : mode);
type WrittenInclude = NonNullable<GitRepository['written']['include']>[number];

function writtenInclude({
  repository,
  ...paths
}: {
  readonly repository: { readonly name: string };
  readonly fromPath?: string | undefined;
  readonly toPath?: string | undefined;
}): WrittenInclude {
  return { repository, ...compact(paths) };
}

/** A user alone is no secret, and servers of Azure have it in the addresses that they show. */
const ONLY_USER = /^(?:https?:\/\/[^:/?#@]+@[^@]*$|ssh:)/;

/** A checked GitRepository with its defaults. */
export function toGitRepository(raw: RawGitRepository, meta: FluxMeta, report: Report): GitRepository {
  const { spec } = raw;
  const ref: GitRef = compact(spec.ref ?? {});
  if (withoutLogins(spec.url) !== spec.url && !ONLY_USER.test(spec.url)) {
    note(report, ['spec', 'url'], 'must not hold credentials: put them into a Secret and name it in secretRef');
  }
  return {
    kind: 'GitRepository',
    meta,
    written: {
      ...(spec.sparseCheckout === undefined ? {} : { sparseCheckout: spec.sparseCheckout }),
      ...(spec.include === undefined ? {} : { include: spec.include.map(writtenInclude) }),
    },
    spec: {
      url: spec.url,
      interval: milliseconds(report, 'interval', spec.interval, MINUTE),
      timeout: attemptTime(report, spec.timeout),
      ref: Object.keys(ref).length === 0 ? { branch: 'master' } : ref,
      provider: spec.provider === undefined || spec.provider === '' ? 'generic' : spec.provider,
      sparseCheckout: (spec.sparseCheckout ?? []).map((path, index) =>
        sparsePath(path, ['spec', 'sparseCheckout', index], report),
      ),
      suspend: spec.suspend ?? false,
      recurseSubmodules: spec.recurseSubmodules ?? false,
      include: (spec.include ?? []).map(({ repository, fromPath, toPath }, index) => ({
        repository,
        fromPath: insidePath(fromPath ?? '', ['spec', 'include', index, 'fromPath'], report),
        toPath: insidePath(
          toPath === undefined || toPath === '' ? repository.name : toPath,
          ['spec', 'include', index, 'toPath'],
          report,
        ),
      })),
      ...compact({ secretRef: spec.secretRef, proxySecretRef: spec.proxySecretRef }),
      ...compact({ serviceAccountName: spec.serviceAccountName }),
      ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
      ...(spec.verify === undefined
        ? {}
        : { verify: { mode: verifyMode(spec.verify.mode), secretRef: spec.verify.secretRef } }),
    },
  };
}

/** A checked Kustomization with its defaults (flux.md 1.5). */
export function toKustomization(raw: RawKustomization, meta: FluxMeta, report: Report): Kustomization {
  const { spec } = raw;
  const interval = milliseconds(report, 'interval', spec.interval, MINUTE);
  const timeout = milliseconds(report, 'timeout', spec.timeout, interval - HALF_MINUTE);
  const here = (namespace: string | undefined): string =>
    namespace === undefined || namespace === '' ? meta.namespace : namespace;
  if (
    spec.kubeConfig !== undefined &&
    (spec.kubeConfig.secretRef === undefined) === (spec.kubeConfig.configMapRef === undefined)
  )
    note(report, ['spec', 'kubeConfig'], 'must have secretRef or configMapRef, and not both');
  return {
    kind: 'Kustomization',
    meta,
    written: spec as unknown as JsonObject,
    spec: {
      interval,
      retryInterval: milliseconds(report, 'retryInterval', spec.retryInterval, interval),
      timeout: Math.max(timeout, HALF_MINUTE),
      sourceRef: {
        kind: spec.sourceRef.kind,
        name: spec.sourceRef.name,
        namespace: here(spec.sourceRef.namespace),
        ...compact({ apiVersion: spec.sourceRef.apiVersion }),
      },
      path: insidePath(spec.path ?? '', ['spec', 'path'], report),
      prune: spec.prune,
      deletionPolicy: spec.deletionPolicy ?? 'MirrorPrune',
      wait: spec.wait ?? false,
      force: spec.force ?? false,
      suspend: spec.suspend ?? false,
      dependsOn: (spec.dependsOn ?? []).map((one) => ({
        name: one.name,
        namespace: here(one.namespace),
        ...compact({ readyExpr: one.readyExpr }),
      })),
      healthChecks: (spec.healthChecks ?? []).map(({ kind, name, namespace, apiVersion }) => {
        return {
          apiVersion: apiVersion === undefined || apiVersion === '' ? 'apps/v1' : apiVersion,
          kind,
          name,
          namespace: namespace ?? '',
        };
      }),
      ...buildFields(spec),
    },
  };
}

type BuildFields = Omit<
  KustomizationSpec,
  | 'interval'
  | 'retryInterval'
  | 'timeout'
  | 'sourceRef'
  | 'path'
  | 'prune'
  | 'deletionPolicy'
  | 'wait'
  | 'force'
  | 'suspend'
  | 'dependsOn'
  | 'healthChecks'
>;

/** The fields that say how manifests become objects. */
function buildFields(spec: RawKustomization['spec']): BuildFields {
  const { commonMetadata: common, postBuild } = spec;
  return {
    healthCheckExprs: (spec.healthCheckExprs ?? []).map(({ apiVersion, kind, current, inProgress, failed }) => ({
      apiVersion,
      kind: kind ?? '',
      current,
      inProgress: inProgress ?? '',
      failed: failed ?? '',
    })),
    patches: (spec.patches ?? []).map(({ patch, target }) => ({
      patch,
      ...(target === undefined ? {} : { target: compact(target) }),
    })),
    images: (spec.images ?? []).map(({ name, ...rest }) => ({ name, ...compact(rest) })),
    components: spec.components ?? [],
    ignoreMissingComponents: spec.ignoreMissingComponents ?? false,
    buildMetadata: spec.buildMetadata ?? [],
    ignore: (spec.ignore ?? []).map(({ paths, target }) => ({
      paths,
      ...(target === undefined ? {} : { target: compact(target) }),
    })),
    ...compact({ targetNamespace: spec.targetNamespace, namePrefix: spec.namePrefix, nameSuffix: spec.nameSuffix }),
    ...compact({ serviceAccountName: spec.serviceAccountName }),
    ...(common === undefined
      ? {}
      : { commonMetadata: { labels: common.labels ?? {}, annotations: common.annotations ?? {} } }),
    ...(spec.decryption === undefined
      ? {}
      : { decryption: { ...compact(spec.decryption), provider: spec.decryption.provider } }),
    ...(spec.kubeConfig === undefined ? {} : { kubeConfig: kubeConfigOf(spec.kubeConfig) }),
    ...(postBuild === undefined
      ? {}
      : {
          postBuild: {
            substitute: postBuild.substitute ?? {},
            substituteFrom: (postBuild.substituteFrom ?? []).map((one) => ({
              ...one,
              optional: one.optional ?? false,
            })),
            substituteStrategy: postBuild.substituteStrategy ?? 'WithVariables',
          },
        }),
  };
}

/** The folder of a Kustomization: '..' at the root stays at the root, as Flux joins paths. */
function insidePath(path: string, at: FieldProblem['path'], report: Report): string {
  const parts: string[] = [];
  for (const part of path.split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  if (path.includes('\0')) note(report, at, 'holds a zero byte');
  return parts.join('/');
}

function kubeConfigOf({
  secretRef,
  configMapRef,
}: NonNullable<RawKustomization['spec']['kubeConfig']>): NonNullable<KustomizationSpec['kubeConfig']> {
  return {
    ...(secretRef === undefined ? {} : { secretRef: { name: secretRef.name, ...compact({ key: secretRef.key }) } }),
    ...compact({ configMapRef }),
  };
}

/** A `/` at its end is kept: without it the path stands for all that begins so. */
function sparsePath(path: string, at: FieldProblem['path'], report: Report): string {
  const clean = cleanPath(path, at, report);
  return clean !== '' && path.endsWith('/') ? `${clean}/` : clean;
}

/** A path inside a source: relative, without '.', '..' and doubled slashes; '' is the root. Leaving the root is refused. */
export function cleanPath(path: string, at: FieldProblem['path'], report: Report): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) {
      note(report, at, 'leads out of the source');
      return '';
    }
  }
  if (path.includes('\0')) note(report, at, 'holds a zero byte');
  return parts.join('/');
}
