import * as z from 'zod/mini';
import { agentConfigurationSchema } from '../../agent/config/index.ts';
import {
  bucketSchema,
  externalArtifactSchema,
  gitRepositorySchema,
  kustomizationSchema,
  ociRepositorySchema,
} from '../../src/flux/index.ts';
import { statusJsonSchema } from '../../src/report/schema.ts';
import { definitionFiles } from './crds.ts';
import { type JsonSchema, type ReferenceSchemas, reference } from './reference.ts';

const KINDS: Readonly<Record<keyof ReferenceSchemas, { readonly file: string; readonly schema: () => z.ZodMiniType }>> =
  {
    AgentConfiguration: { file: 'agent-configuration', schema: agentConfigurationSchema },
    GitRepository: { file: 'git-repository', schema: gitRepositorySchema },
    OCIRepository: { file: 'oci-repository', schema: ociRepositorySchema },
    Bucket: { file: 'bucket', schema: bucketSchema },
    ExternalArtifact: { file: 'external-artifact', schema: externalArtifactSchema },
    Kustomization: { file: 'kustomization', schema: kustomizationSchema },
  };

/** Every generated file by its path: the published JSON Schemas, the reference of all fields, the definitions for clusters. */
export function generatedDocs(): ReadonlyMap<string, string> {
  const schemas = Object.entries(KINDS).map(([kind, { file, schema }]) => ({
    kind,
    file,
    json: jsonSchema(file, schema()),
  }));
  const files = schemas.map(({ file, json }): [string, string] => {
    return [`docs/schemas/${file}.json`, `${JSON.stringify(json, null, 2)}\n`];
  });
  const byKind = Object.fromEntries(schemas.map(({ kind, json }) => [kind, json])) as ReferenceSchemas;
  const status: [string, string] = ['docs/schemas/status.json', `${JSON.stringify(statusJsonSchema(), null, 2)}\n`];
  const page: [string, string] = ['docs/configuration.md', reference(byKind)];
  return new Map([...files, status, page, ...definitionFiles()]);
}

function jsonSchema(file: string, schema: z.ZodMiniType): JsonSchema {
  const override = ({ jsonSchema: one }: { jsonSchema: object }): void => void delete (one as { crd?: unknown }).crd;
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', override }) as JsonSchema & {
    readonly $schema?: string;
  };
  return { $schema, $id: `https://holdfast.dev/schemas/${file}.json`, ...rest } as JsonSchema;
}
