/** One object of the desired state, in a file of its own. */
export interface Thing {
  readonly path: string;
  readonly kind: Kind;
  readonly name: string;
  /** '' for objects of the cluster. */
  readonly namespace: string;
  /** What its content is made from. */
  readonly version: number;
}

export type Kind = 'Namespace' | 'Crd' | 'ConfigMap' | 'Secret' | 'Service' | 'Deployment' | 'ServiceAccount' | 'Gauge';

interface KindRow {
  readonly apiVersion: string;
  readonly kind: string;
  /** Path of the collection in the API; `*` is the namespace. */
  readonly list: string;
  readonly body: (thing: Thing) => Readonly<Record<string, unknown>>;
}

const labels = (thing: Thing): Record<string, string> => ({ app: thing.name });

/** Kinds of the cluster's definition are named by the thing: `gauges0.plant.example` defines `Gauge0`. */
const crdSpec = (thing: Thing): Readonly<Record<string, unknown>> => {
  const plural = thing.name.split('.')[0] ?? '';
  const number = plural.replace('gauges', '');
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    spec: {
      group: 'plant.example',
      scope: 'Namespaced',
      names: { kind: `Gauge${number}`, plural, singular: `gauge${number}` },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
};

export const KINDS: Readonly<Record<Kind, KindRow>> = {
  Namespace: {
    apiVersion: 'v1',
    kind: 'Namespace',
    list: '/api/v1/namespaces',
    body: ({ version }) => ({ metadata: { annotations: { version: String(version) } } }),
  },
  Crd: {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    list: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    body: crdSpec,
  },
  ConfigMap: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    list: '/api/v1/namespaces/*/configmaps',
    body: ({ version }) => ({ data: { version: String(version), [`only-in-${version % 3}`]: 'x' } }),
  },
  Secret: {
    apiVersion: 'v1',
    kind: 'Secret',
    list: '/api/v1/namespaces/*/secrets',
    body: ({ version }) => ({ data: { version: Buffer.from(String(version)).toString('base64') } }),
  },
  Service: {
    apiVersion: 'v1',
    kind: 'Service',
    list: '/api/v1/namespaces/*/services',
    body: (thing) => ({
      spec: { selector: labels(thing), ports: [{ name: 'http', port: 8000 + (thing.version % 900), protocol: 'TCP' }] },
    }),
  },
  Deployment: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    list: '/apis/apps/v1/namespaces/*/deployments',
    body: (thing) => ({
      spec: {
        replicas: 0,
        selector: { matchLabels: labels(thing) },
        template: {
          metadata: { labels: labels(thing) },
          spec: { containers: [{ name: 'app', image: `registry.example/app:${thing.version}` }] },
        },
      },
    }),
  },
  ServiceAccount: {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    list: '/api/v1/namespaces/*/serviceaccounts',
    body: ({ version }) => ({ metadata: { annotations: { version: String(version) } } }),
  },
  Gauge: {
    apiVersion: 'plant.example/v1',
    kind: 'Gauge',
    list: '/apis/plant.example/v1/namespaces/*/gauges',
    body: ({ version }) => ({ spec: { value: version } }),
  },
};

/** The object of a thing; a Gauge's kind is in its name: `1-gauge-7` is a `Gauge1`. */
export function objectOf(thing: Thing): Readonly<Record<string, unknown>> {
  const row = KINDS[thing.kind];
  const { metadata, ...rest } = row.body(thing);
  const kind = thing.kind === 'Gauge' ? `Gauge${thing.name[0]}` : row.kind;
  const namespace = thing.namespace === '' ? {} : { namespace: thing.namespace };
  return {
    apiVersion: row.apiVersion,
    kind,
    metadata: { name: thing.name, ...namespace, labels: labels(thing), ...(metadata as object | undefined) },
    ...rest,
  };
}

/** The collection's path in the API. */
export function listPath(kind: Kind, namespace: string, number = ''): string {
  return KINDS[kind].list.replace('*', namespace) + (kind === 'Gauge' ? number : '');
}

export function pathOf(thing: Thing): string {
  return `${listPath(thing.kind, thing.namespace, thing.name[0])}/${thing.name}`;
}

/** What names an object, whatever file it is in. */
export function idOf(thing: Pick<Thing, 'kind' | 'namespace' | 'name'>): string {
  return `${thing.kind}/${thing.namespace}/${thing.name}`;
}
