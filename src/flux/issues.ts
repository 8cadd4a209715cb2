import type * as z from 'zod/mini';

/** Key or index. */
export type FieldPath = readonly (string | number)[];

export interface FieldProblem {
  readonly path: FieldPath;
  readonly message: string;
  /** An unknown field: an error in files, passed over in objects of the cluster, whose API is the judge. */
  readonly unknown: boolean;
}

/** `spec.ref.branch`, `spec.dependsOn[0].name`, `metadata.labels["a.b/c"]`. */
export function pathText(path: FieldPath): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) out += out === '' ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}

/** What a schema found wrong, in plain words and without the values (they may be secret). */
export function problemsOf(error: z.core.$ZodError, schema: z.ZodMiniType, value: unknown): FieldProblem[] {
  return error.issues.flatMap((issue): FieldProblem[] => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    if (issue.code !== 'unrecognized_keys')
      return [{ path, message: messageOf(issue, valueAt(value, path)), unknown: false }];
    const known = fieldsAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown field${hint(key, known)}`,
      unknown: true,
    }));
  });
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function valueAt(value: unknown, path: FieldPath): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[part];
  }
  return here;
}

function messageOf(issue: z.core.$ZodIssue, found: unknown): string {
  if (found === undefined) return 'is required';
  if (issue.code === 'invalid_type') {
    return `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.filter((value) => value !== '').map(String);
    return values.length === 1 ? `must be ${values[0]}` : `must be one of ${values.join(', ')}`;
  }
  return issue.message === 'Invalid input' ? 'is not valid' : issue.message;
}

/** The names of the fields that a schema knows at a path; empty where it takes any. */
function fieldsAt(schema: z.ZodMiniType, path: FieldPath): string[] {
  let here: unknown = schema;
  for (const part of path) {
    const def = definition(here);
    here = def?.shape !== undefined ? def.shape[String(part)] : def?.element;
  }
  return Object.keys(definition(here)?.shape ?? {});
}

interface Definition {
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly innerType?: unknown;
}

function definition(schema: unknown): Definition | undefined {
  const def = (schema as { _zod?: { def?: Definition } } | undefined)?._zod?.def;
  return def?.innerType === undefined ? def : definition(def.innerType);
}

function hint(key: string, known: readonly string[]): string {
  const close = known.find((name) => distance(name.toLowerCase(), key.toLowerCase()) <= 2);
  return close === undefined ? '' : `: is ${close} meant?`;
}

/** Edit distance, up to 3. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length > 64) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 3;
}
