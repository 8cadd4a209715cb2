import FIELD_SPECS from '../data/fieldspecs.json' with { type: 'json' };
import MERGE_KEYS from '../data/mergekeys.json' with { type: 'json' };
import SCOPES from '../data/scope.json' with { type: 'json' };

/** What a merge must know of a field: what is below it, and how its list is merged. */
export interface Schema {
  /** Schema of a field, or undefined where none is known. */
  field(name: string): Schema | undefined;
  /** Schema of the items of a list. */
  elements(): Schema | undefined;
  /** `x-kubernetes-patch-strategy`; '' without. */
  readonly strategy: string;
  /** Merge keys of a list of maps; empty for lists of scalars. */
  readonly keys: readonly string[];
}

type Entry = readonly [number, string?, ...string[]];
type TypeTable = Readonly<Record<string, Entry>>;

const GVKS = MERGE_KEYS.gvk as Readonly<Record<string, number>>;
const TYPES = MERGE_KEYS.types as unknown as readonly TypeTable[];
const KNOWN: ReadonlySet<string> = new Set(MERGE_KEYS.known);

/** A type in which no list is merged. Its fields are of the same sort. */
const PLAIN: Schema = { field: () => PLAIN, elements: () => PLAIN, strategy: '', keys: [] };

/** `isList`: the type is that of the items of a list. */
interface Field {
  readonly index: number;
  readonly strategy: string;
  readonly keys: readonly string[];
  readonly isList: boolean;
}

const ROOT = { strategy: '', keys: [], isList: false };

function typeSchema({ index, strategy, keys, isList }: Field): Schema {
  const table = index < 0 ? undefined : TYPES[index];
  return {
    field(name) {
      // What stands in a list's place and is a map has no fields that are known.
      if (isList) return undefined;
      const entry = table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
      if (entry === undefined) return PLAIN;
      const [below, how = '', ...by] = entry;
      return typeSchema({
        index: below,
        strategy: how,
        keys: by,
        isList: entry.length > 1 && /^(?:merge|$)/.test(how),
      });
    },
    elements: () => (index < 0 ? PLAIN : typeSchema({ ...ROOT, index })),
    strategy,
    keys,
  };
}

/** The built-in schema of a kind (Kubernetes v1.21.2), or undefined for kinds it does not know. */
export function builtinSchema(apiVersion: string, kind: string): Schema | undefined {
  const name = `${apiVersion}/${kind}`;
  if (Object.hasOwn(GVKS, name)) return typeSchema({ ...ROOT, index: GVKS[name] ?? -1 });
  return KNOWN.has(name) ? PLAIN : undefined;
}

const DEFINITIONS = MERGE_KEYS.definitions as Readonly<Record<string, number>>;

/** A built-in definition by its name, such as `io.k8s.api.core.v1.PodSpec`, for custom documents that refer to it. */
export function builtinDefinition(name: string): Schema | undefined {
  if (Object.hasOwn(DEFINITIONS, name)) return typeSchema({ ...ROOT, index: DEFINITIONS[name] ?? -1 });
  return name.startsWith('io.k8s.') ? PLAIN : undefined;
}

const SCOPE_TABLE = SCOPES.scope as Readonly<Record<string, boolean>>;

/** True for namespaced, false for cluster-scoped, undefined for kinds that the table does not have. */
export function builtinScope(apiVersion: string, kind: string): boolean | undefined {
  const name = `${apiVersion} ${kind}`;
  return Object.hasOwn(SCOPE_TABLE, name) ? SCOPE_TABLE[name] : undefined;
}

/** The default field specs of every transformer, as data. */
export const DEFAULT_FIELD_SPECS: unknown = FIELD_SPECS;
