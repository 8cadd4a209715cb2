import { dump } from 'js-yaml';
import * as z from 'zod/mini';
import { bucketSchema } from '../../src/flux/schema-bucket.ts';
import { externalArtifactSchema } from '../../src/flux/schema-external.ts';
import { gitRepositorySchema } from '../../src/flux/schema-git.ts';
import { kustomizationSchema } from '../../src/flux/schema-kustomization.ts';
import { ociRepositorySchema } from '../../src/flux/schema-oci.ts';
import {
  bucketStatusSchema,
  externalArtifactStatusSchema,
  gitRepositoryStatusSchema,
  kustomizationStatusSchema,
  ociRepositoryStatusSchema,
} from '../../src/flux/schema-status.ts';
import type { Json, JsonObject } from '../../src/model/index.ts';
import { structural, type ZodJson } from './structural.ts';

interface Kind {
  readonly kind: string;
  readonly group: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** What `kubectl get` shows, in its order; `Ready` and `Status` stand for the Ready condition. */
  readonly columns: readonly Column[];
  readonly schema: z.ZodMiniType;
  readonly status: z.ZodMiniType;
}

type Column = 'Age' | 'Ready' | 'Status' | readonly [name: string, path: string];

const SOURCE = 'source.toolkit.fluxcd.io';

const KINDS: readonly Kind[] = [
  {
    kind: 'Bucket',
    group: SOURCE,
    plural: 'buckets',
    shortNames: [],
    columns: [['Endpoint', '.spec.endpoint'], 'Age', 'Ready', 'Status'],
    schema: bucketSchema(),
    status: bucketStatusSchema,
  },
  {
    kind: 'ExternalArtifact',
    group: SOURCE,
    plural: 'externalartifacts',
    shortNames: ['ea'],
    columns: ['Age', 'Ready', 'Status', ['Source', '.spec.sourceRef.name']],
    schema: externalArtifactSchema(),
    status: externalArtifactStatusSchema,
  },
  {
    kind: 'GitRepository',
    group: SOURCE,
    plural: 'gitrepositories',
    shortNames: ['gitrepo'],
    columns: [['URL', '.spec.url'], 'Age', 'Ready', 'Status'],
    schema: gitRepositorySchema(),
    status: gitRepositoryStatusSchema,
  },
  {
    kind: 'Kustomization',
    group: 'kustomize.toolkit.fluxcd.io',
    plural: 'kustomizations',
    shortNames: ['ks'],
    columns: ['Age', 'Ready', 'Status'],
    schema: kustomizationSchema(),
    status: kustomizationStatusSchema,
  },
  {
    kind: 'OCIRepository',
    group: SOURCE,
    plural: 'ocirepositories',
    shortNames: ['ocirepo'],
    columns: [['URL', '.spec.url'], 'Ready', 'Status', 'Age'],
    schema: ociRepositorySchema(),
    status: ociRepositoryStatusSchema,
  },
];

const READY = '.status.conditions[?(@.type=="Ready")]';

function column(one: Column): JsonObject {
  if (one === 'Age') return { name: one, type: 'date', jsonPath: '.metadata.creationTimestamp' };
  if (one === 'Ready') return { name: one, type: 'string', jsonPath: `${READY}.status` };
  if (one === 'Status') return { name: one, type: 'string', jsonPath: `${READY}.message` };
  const [name, jsonPath] = one;
  return { name, type: 'string', jsonPath };
}

/** The definitions of the Flux kinds that Holdfast reads, as the API server takes them. */
export function definitions(): readonly JsonObject[] {
  return KINDS.map((one) => {
    const { kind, group, plural, shortNames } = one;
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: `${plural}.${group}`,
        labels: { 'app.kubernetes.io/part-of': 'holdfast' },
        annotations: {
          // With a definition all objects of its kind go: no change of a repository may do that.
          'kustomize.toolkit.fluxcd.io/prune': 'disabled',
          'kustomize.toolkit.fluxcd.io/substitute': 'disabled',
        },
      },
      spec: {
        group,
        names: {
          kind,
          listKind: `${kind}List`,
          plural,
          singular: kind.toLowerCase(),
          categories: ['all', 'fluxcd', group === SOURCE ? 'fluxcd-sources' : 'fluxcd-appliers'],
          ...(shortNames.length === 0 ? {} : { shortNames }),
        },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            additionalPrinterColumns: one.columns.map(column),
            subresources: { status: {} },
            schema: { openAPIV3Schema: schemaOf(one) },
          },
        ],
      },
    };
  });
}

function schemaOf({ schema, status }: Kind): JsonObject {
  const whole = json(schema);
  const below = structural(json(status));
  const counts = Object.hasOwn((below['properties'] ?? {}) as JsonObject, 'observedGeneration');
  return {
    description: whole.description ?? '',
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of the API.' },
      kind: { type: 'string', description: 'Kind of the object.' },
      metadata: { type: 'object' },
      spec: structural(whole.properties?.['spec'] ?? {}),
      status: {
        description: 'How it is; written by the agent.',
        ...below,
        ...(counts ? { default: { observedGeneration: -1 } } : {}),
      },
    },
  };
}

const json = (schema: z.ZodMiniType): ZodJson => z.toJSONSchema(schema, { io: 'input' }) as ZodJson;

const HEAD = '# Made by `npm run docs` from the schemas in src/flux. Change those, not this file.\n';

/** The generated files by path: one a definition for people, and all in one for the agent, which carries them. */
export function definitionFiles(): ReadonlyMap<string, string> {
  const all = definitions();
  const files = all.map((one, i): [string, string] => [
    `manifests/crds/${KINDS[i]?.group}_${KINDS[i]?.plural}.yaml`,
    `${HEAD}${dump(one, { lineWidth: 120, noRefs: true })}`,
  ]);
  return new Map([...files, ['src/flux/crds/definitions.json', `${JSON.stringify(all as Json)}\n`]]);
}
