import { DEFAULT_LIMITS, Fault, isObject, type Json, type KubeObject, type Limits } from '../../model/index.ts';
import { emitObject, readYaml11, roundNumbers } from '../kustomize/index.ts';
import { evaluate } from './evaluate.ts';
import { CUT } from './functions.ts';
import { TemplateError } from './parse.ts';
import { badName } from './variables.ts';

/** How to substitute. */
export interface SubstituteOptions {
  readonly vars: ReadonlyMap<string, string>;
  /** Flux's feature gate StrictPostBuildSubstitutions: on by default since kustomize-controller 1.9. */
  readonly strict: boolean;
  /** Substitute even without variables (`substituteStrategy: Always`). */
  readonly always: boolean;
  readonly limits?: Partial<Limits>;
}

const KEY = 'kustomize.toolkit.fluxcd.io/substitute';

/** True where a label or annotation of an object says that it stays as it is. */
export function isDisabled(object: KubeObject): boolean {
  const metadata = object.metadata;
  return ['labels', 'annotations'].some((field) => {
    const map = isObject(metadata) ? metadata[field] : undefined;
    return isObject(map) && map[KEY] === 'disabled';
  });
}

/** True when anything in an object could be changed by substitution: a dollar, or a number that Go would round. */
function mayChange(value: Json): boolean {
  const stack: Json[] = [value];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (typeof item === 'bigint') return true;
    if (typeof item === 'string' && item.includes('$')) return true;
    if (Array.isArray(item)) for (const one of item as readonly Json[]) stack.push(one);
    else if (isObject(item))
      for (const key of Object.keys(item)) {
        if (key.includes('$')) return true;
        stack.push(item[key] as Json);
      }
  }
  return false;
}

/**
 * Substitutes variables in one object, as Flux does it: over the YAML text that kustomize prints, which is then read back
 * under the rules of YAML 1.1, so that `${PORT}` with `8080` becomes a number. The object given is not changed.
 * Throws a Fault `build-failed` that names the object, never a value.
 */
export function substitute(object: KubeObject, options: SubstituteOptions): KubeObject {
  if (isDisabled(object) || (options.vars.size === 0 && !options.always)) return object;
  const fail = (message: string): never => {
    throw new Fault('build-failed', message);
  };
  const bad = badName(options.vars);
  if (bad !== undefined) fail(`envsubst error: ${bad}`);
  if (!mayChange(object)) return object;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const source = emitObject(object, limits);
  let text: string;
  try {
    text = evaluate(source, options.vars, {
      strict: options.strict,
      maxLength: limits.manifestBytes * 4,
    });
  } catch (error) {
    if (error instanceof TemplateError) return fail(`envsubst error: variable substitution failed: ${error.message}`);
    throw error;
  }
  if (text.includes(CUT) && ![source, ...options.vars.values()].some((part) => part.includes(CUT)))
    return fail('envsubst error: YAMLToJSON: yaml: invalid trailing UTF-8 octet: a substring ends inside a character');
  const read = readYaml11(text, limits, 'envsubst error: YAMLToJSON');
  if (!isObject(read))
    return fail('UnmarshalJSON: json: cannot unmarshal the result into Go value of type map[string]interface {}');
  return roundNumbers(read) as KubeObject;
}
