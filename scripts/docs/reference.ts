import { notBuiltFields } from '../../src/flux/index.ts';
import { SAMPLES } from './samples.ts';

/** A JSON Schema as far as the generator reads it. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
}

/** The schema of each kind. */
export type ReferenceSchemas = Readonly<Record<keyof typeof SAMPLES, JsonSchema>>;

/** Fields that every object has and nobody sets for the agent. */
const PASSED_OVER = /^(?:status|metadata\.(?!name$|namespace$|labels$|annotations$).+)$/;

const HEAD = `<!-- Made by \`npm run docs\` from the schemas in agent/config and src/flux. Change those, not this file. -->
# Configuration

Two kinds of files: one \`AgentConfiguration\` says who and where the agent is, and objects of the Flux API say what it
applies. JSON Schemas for editors and checks are in [schemas/](schemas).

- Files are YAML or JSON. An unknown field, a wrong type or a doubled name is an error that names file, line and path.
  The AgentConfiguration is read at the start, and a mistake in it ends the agent. A change of it while the agent runs is
  told (\`holdfast status\`, \`holdfast_configuration_file_state\`) and taken at the next start.
  A mistake in an object is told in \`/status\` and leaves the last good state of that object in use, and all others alone.
- Durations are Go's: \`90s\`, \`5m\`, \`1h30m\`, \`250ms\`.
- Folders of objects are watched: \`*.yaml\`, \`*.yml\` and \`*.json\` in them and below, names with a leading dot left out.
  A file that vanishes or breaks is looked at again after two seconds before anything is concluded.

`;

/** The reference of all fields as Markdown. */
export function reference(schemas: ReferenceSchemas): string {
  const one = (kind: keyof typeof SAMPLES): string => section(kind, schemas[kind]);
  return `${HEAD}${one('AgentConfiguration')}
Annotations of a Kustomization that the agent reads besides: \`holdfast.dev/allow-prune: REVISION\` lets that one revision
delete more than the guard allows. Of a GitRepository: \`holdfast.dev/fetch\`, \`needed\` or \`whole\` ([sources-git.md](sources-git.md#only-a-part)).

${one('Kustomization')}
${one('GitRepository')}
${one('OCIRepository')}
${one('Bucket')}
${one('ExternalArtifact')}
## Secrets and ConfigMaps

Those that the objects name may stand in the same folders, as \`v1\` \`Secret\` (\`data\` in base64, or \`stringData\`) and
\`ConfigMap\` (\`data\`, \`binaryData\`). Their values are never logged or reported,
and stored only sealed ([operations.md](operations.md#secrets-on-the-disk)).
`;
}

function section(kind: keyof typeof SAMPLES, schema: JsonSchema): string {
  const api = String(schema.properties?.['apiVersion']?.const);
  const missing = kind === 'AgentConfiguration' ? [] : notBuiltFields(kind);
  const rows = fieldsOf(schema, '', new Set(schema.required ?? []))
    .filter(({ path }) => path !== 'apiVersion' && path !== 'kind' && !PASSED_OVER.test(path))
    .map(
      ({ path, type, fallback, meaning }) =>
        `| \`${path}\` | ${type} | ${fallback} | ${meaning}${notBuilt(path, missing)} |`,
    );
  return `## ${kind}

\`${api}\`. ${schema.description ?? ''}

\`\`\`yaml
${SAMPLES[kind].trim()}
\`\`\`

| field | type | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
}

/** Fields that are read and refused; one that is refused in part has the part in brackets. */
function notBuilt(path: string, missing: readonly string[]): string {
  const name = path.replaceAll('[]', '');
  const found = missing.find((field) => `spec.${field.replace(/ \(.*$/, '')}` === name);
  if (found === undefined) return '';
  const part = / \((.*)\)$/.exec(found)?.[1];
  return part === undefined ? ' **Not built yet: refused.**' : ` **Not built yet: ${part}.**`;
}

interface FieldRow {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

function fieldsOf(schema: JsonSchema, prefix: string, required: ReadonlySet<string>): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const row: FieldRow = {
      path,
      type: typeOf(field),
      fallback: fallbackOf(field, required.has(name)),
      meaning: meaningOf(field),
    };
    const inner = field.items ?? field;
    const below = fieldsOf(inner, field.items === undefined ? `${path}.` : `${path}[].`, new Set(inner.required ?? []));
    return [row, ...below];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum !== undefined)
    return schema.enum
      .filter((value) => value !== '')
      .map((value) => `\`${String(value)}\``)
      .join(' ');
  if (schema.pattern?.includes('(ms|s|m') === true) return 'duration';
  if (schema.pattern?.includes('Ki|Mi|Gi') === true) return 'quantity';
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.type === 'object') return typeof schema.additionalProperties === 'object' ? 'map of text' : 'map';
  const words: Readonly<Record<string, string>> = { string: 'text', boolean: 'bool', integer: 'number' };
  return words[schema.type ?? ''] ?? schema.type ?? 'any';
}

function fallbackOf(schema: JsonSchema, required: boolean): string {
  if (required) return '**required**';
  if (schema.default === undefined) return '';
  return `\`${typeof schema.default === 'string' && schema.default !== '' ? schema.default : JSON.stringify(schema.default)}\``;
}

function meaningOf(schema: JsonSchema): string {
  const examples = (schema.examples ?? []).map((example) => `\`${String(example)}\``);
  const more = examples.length === 0 ? '' : ` Such as ${examples.join(', ')}.`;
  return `${schema.description ?? ''}${more}`.replaceAll('|', '\\|');
}
