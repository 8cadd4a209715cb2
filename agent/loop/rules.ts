import type { Kustomization } from '../../src/flux/index.ts';
import { BUILT_IN, type HealthRule, type Judge, judgeWith } from '../../src/health/index.ts';
import {
  Fault,
  type IgnoredFields,
  type JsonObject,
  type Limits,
  parseApiVersion,
  type VersionedRef,
} from '../../src/model/index.ts';
import { ignoreRules } from '../../src/plan/index.ts';

/** A condition of `dependsOn[].readyExpr`; throws an Error where it has no value. */
export type ReadyTest = (variables: { readonly self: JsonObject; readonly dep: JsonObject }) => boolean;

/** What a spec says in expressions and patterns, read once. */
export interface Rules {
  /** Names what was read. */
  readonly key: string;
  readonly judge: Judge;
  readonly ignore: (ref: VersionedRef) => readonly IgnoredFields[];
  /** By expression; a Fault where it is no such condition. */
  readonly ready: ReadonlyMap<string, ReadyTest | Fault>;
  /** What cannot be read: nothing new is applied until it is mended. */
  readonly fault: Fault | undefined;
}

/** Flux begins such messages with these words. */
const TERMINAL = 'Reconciliation failed terminally due to configuration error';

const NOTHING = { judge: BUILT_IN, ignore: () => [], ready: new Map<string, never>(), fault: undefined };

/** Names the expressions and patterns of a spec; '' when it has none. */
export function rulesKey({ healthCheckExprs, ignore, dependsOn }: Kustomization['spec']): string {
  const ready = dependsOn.flatMap(({ readyExpr }) => readyExpr ?? []);
  return healthCheckExprs.length + ignore.length + ready.length === 0
    ? ''
    : JSON.stringify([healthCheckExprs, ignore, ready]);
}

/** Reads them. Never throws: what is wrong is part of the answer. */
export async function readRules(spec: Kustomization['spec'], limits: Limits): Promise<Rules> {
  const key = rulesKey(spec);
  if (key === '') return { ...NOTHING, key };
  const faults: Fault[] = [];
  const tried = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error);
      return otherwise;
    }
  };
  const compile = await compiler(spec, limits);
  const judge = tried(() => judgeWith(healthRules(spec.healthCheckExprs, compile)), BUILT_IN);
  const ignore = tried(() => ignoreRules(spec.ignore), NOTHING.ignore);
  return { key, judge, ignore, ready: readyTests(spec, compile), fault: faults[0] };
}

type Compile = (text: string, declared?: readonly string[]) => (variables: JsonObject) => boolean;

/** The language is loaded where there is an expression: a site without one does not pay for it. */
async function compiler(spec: Kustomization['spec'], limits: Limits): Promise<Compile> {
  const used = spec.healthCheckExprs.length > 0 || spec.dependsOn.some((one) => one.readyExpr !== undefined);
  if (!used) return () => () => false;
  const { compileCondition } = await import('../../src/cel/index.ts');
  return (text, declared) => {
    const condition = compileCondition(text, { ...limits, ...(declared === undefined ? {} : { declared }) });
    return (variables) => condition.holds(variables);
  };
}

function invalid(message: string): Fault {
  return new Fault('expression-invalid', `${TERMINAL}: ${message}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function healthRules(entries: Kustomization['spec']['healthCheckExprs'], compile: Compile): readonly HealthRule[] {
  const rules = new Map<string, HealthRule>();
  for (const [i, { apiVersion, kind, ...texts }] of entries.entries()) {
    const { group } = parseApiVersion(apiVersion);
    const name = group === '' ? kind : `${kind}.${group}`;
    if (rules.has(name)) throw invalid(`duplicate custom health check for GroupKind ${name} at healthchecks[${i}]`);
    const where = `failed to create custom status evaluator for healthchecks[${i}]`;
    if (texts.current === '') throw invalid(`${where}: expression Current not specified`);
    const test = (field: 'current' | 'failed' | 'inProgress') => {
      try {
        return compile(texts[field]);
      } catch (error) {
        const which = `${field.charAt(0).toUpperCase()}${field.slice(1)}`;
        throw invalid(`${where}: failed to parse the expression ${which}: ${messageOf(error)}`);
      }
    };
    rules.set(name, {
      group,
      kind,
      current: test('current'),
      ...(texts.failed === '' ? {} : { failed: test('failed') }),
      ...(texts.inProgress === '' ? {} : { inProgress: test('inProgress') }),
    });
  }
  return [...rules.values()];
}

function readyTests(spec: Kustomization['spec'], compile: Compile): Rules['ready'] {
  const tests = new Map<string, ReadyTest | Fault>();
  for (const { name, readyExpr } of spec.dependsOn) {
    if (readyExpr === undefined) continue;
    try {
      tests.set(readyExpr, compile(readyExpr, ['self', 'dep']));
    } catch (error) {
      tests.set(readyExpr, invalid(`terminal error: failed to evaluate dependency ${name}: ${messageOf(error)}`));
    }
  }
  return tests;
}
