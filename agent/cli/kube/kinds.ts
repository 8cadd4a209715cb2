import type { Gvk } from '../../../src/model/index.ts';
import type { ApiResource, ApiSurface } from '../../../src/ports/index.ts';

/** A kind of the Flux API that commands work on. */
export interface FluxKind extends Gvk {
  /** As messages call it. */
  readonly human: string;
  /** What a person may type for it, in lower case. */
  readonly words: readonly string[];
  /** What follows `source`; '' for what is none. */
  readonly source: string;
}

const SOURCE = { group: 'source.toolkit.fluxcd.io', version: 'v1' };

export const KUSTOMIZATION: FluxKind = {
  group: 'kustomize.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'Kustomization',
  human: 'kustomization',
  words: ['kustomization', 'kustomizations', 'ks'],
  source: '',
};

export const SOURCES: readonly FluxKind[] = [
  {
    ...SOURCE,
    kind: 'GitRepository',
    human: 'source git',
    words: ['gitrepository', 'gitrepositories', 'gitrepo'],
    source: 'git',
  },
  {
    ...SOURCE,
    kind: 'OCIRepository',
    human: 'source oci',
    words: ['ocirepository', 'ocirepositories', 'ocirepo'],
    source: 'oci',
  },
  { ...SOURCE, kind: 'Bucket', human: 'source bucket', words: ['bucket', 'buckets'], source: 'bucket' },
];

export const FLUX_KINDS: readonly FluxKind[] = [...SOURCES, KUSTOMIZATION];

/** The Flux kind that one word names: `ks`, `gitrepo`, `Kustomization`. */
export function fluxKind(word: string): FluxKind | undefined {
  return FLUX_KINDS.find((one) => one.words.includes(word.toLowerCase()));
}

/** What the words after a command name. */
export interface Target {
  readonly kinds: readonly FluxKind[];
  readonly names: readonly string[];
  /** `all`, or `sources all`. */
  readonly all: boolean;
}

/**
 * Reads `kustomization NAME`, `source git NAME`, `sources all`, `all`, `gitrepo NAME` and `ks/NAME`. Undefined where the words
 * begin with no kind.
 */
export function readTarget(words: readonly string[]): Target | undefined {
  const [first = '', second = '', ...rest] = words;
  const [word = '', name, ...deeper] = first.split('/');
  if (first.toLowerCase() === 'all') return { kinds: FLUX_KINDS, names: words.slice(1), all: true };
  if (/^sources?$/i.test(first)) {
    if (second.toLowerCase() === 'all') return { kinds: SOURCES, names: rest, all: true };
    const source = SOURCES.find((one) => one.source === second.toLowerCase()) ?? fluxKind(second);
    return source === undefined || source.source === '' ? undefined : { kinds: [source], names: rest, all: false };
  }
  const kind = fluxKind(word);
  if (kind === undefined || deeper.length > 0) return undefined;
  const more = words.slice(1);
  return { kinds: [kind], names: name === undefined ? more : [name, ...more], all: false };
}

/** Says what a command takes, for one that was called with something else. */
export const KINDS_TEXT = 'kustomization, source git, source oci or source bucket';

/** Short names of kinds that every cluster has, as kubectl knows them. */
const SHORT: Readonly<Record<string, string>> = {
  cj: 'cronjobs',
  cm: 'configmaps',
  crd: 'customresourcedefinitions',
  crds: 'customresourcedefinitions',
  deploy: 'deployments',
  ds: 'daemonsets',
  hpa: 'horizontalpodautoscalers',
  ing: 'ingresses',
  netpol: 'networkpolicies',
  no: 'nodes',
  ns: 'namespaces',
  pdb: 'poddisruptionbudgets',
  po: 'pods',
  pv: 'persistentvolumes',
  pvc: 'persistentvolumeclaims',
  quota: 'resourcequotas',
  rs: 'replicasets',
  sa: 'serviceaccounts',
  sc: 'storageclasses',
  sts: 'statefulsets',
  svc: 'services',
};

/**
 * How the API server serves the kind that a word names: `deploy`, `Deployment`, `deployments`, `certificates.cert-manager.io`.
 * Of kinds of one name in several groups that of the core group, else the first.
 */
export function resourceNamed(surface: ApiSurface, word: string): ApiResource | undefined {
  const [plain = '', ...group] = word.toLowerCase().split('.');
  const wanted = SHORT[plain] ?? plain;
  const found = surface
    .all()
    .filter(
      ({ gvk, plural }) =>
        (gvk.kind.toLowerCase() === wanted || plural === wanted) &&
        (group.length === 0 || gvk.group === group.join('.')),
    );
  return found.find(({ gvk }) => gvk.group === '') ?? found[0];
}
