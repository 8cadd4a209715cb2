/** A static type: a name with the types it is made of; `dyn` is anything, a single capital letter stands for some type. */
export interface Type {
  readonly name: string;
  readonly of: readonly Type[];
}

export const DYN: Type = { name: 'dyn', of: [] };

/** Reads `map<string, list<T>>`. */
export function parseType(text: string): Type {
  const m = /^([\w.]+)(?:<(.*)>)?$/.exec(text.trim());
  if (m === null) return DYN;
  const name = m[1] ?? 'dyn';
  if (m[2] === undefined) return name === 'dyn' ? DYN : { name, of: [] };
  return { name, of: splitTypes(m[2]).map(parseType) };
}

function splitTypes(text: string): readonly string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth += 1;
    if (text[i] === '>') depth -= 1;
    if (text[i] !== ',' || depth > 0) continue;
    out.push(text.slice(from, i));
    from = i + 1;
  }
  return [...out, text.slice(from)].filter((part) => part.trim() !== '');
}

export function isDyn(one: Type): boolean {
  return one.name === 'dyn';
}

const isVariable = (one: Type): boolean => /^[A-Z]$/.test(one.name);

/** `list(int)`, as cel-go prints a type. */
export function typeText(one: Type): string {
  return one.of.length === 0 ? one.name : `${one.name}(${one.of.map(typeText).join(', ')})`;
}

/** What stands for each letter of a signature. */
export type Bindings = Map<string, Type>;

/** Whether a value of the type may be given where another is wanted; letters are bound on the way. */
export function fits(wanted: Type, given: Type, bound: Bindings): boolean {
  if (isVariable(wanted)) {
    const before = bound.get(wanted.name);
    const both = before === undefined ? given : join(before, given);
    if (both === undefined) return false;
    bound.set(wanted.name, both);
    return true;
  }
  if (isDyn(wanted) || isDyn(given) || isVariable(given)) return true;
  if (wanted.name !== given.name) return false;
  return wanted.of.every((part, i) => fits(part, given.of[i] ?? DYN, bound));
}

/** The type that is both: dyn gives way to anything only where nothing else is known; undefined when they differ. */
export function join(a: Type, b: Type): Type | undefined {
  if (isDyn(a)) return a;
  if (isDyn(b)) return b;
  if (isVariable(a)) return b;
  if (isVariable(b)) return a;
  if (a.name !== b.name || a.of.length !== b.of.length) return undefined;
  const of: Type[] = [];
  for (const [i, part] of a.of.entries()) {
    const both = join(part, b.of[i] ?? DYN);
    if (both === undefined) return undefined;
    of.push(both);
  }
  return { name: a.name, of };
}

/** A result type with its letters filled in; those that nothing is known of are dyn. */
export function filled(one: Type, bound: Bindings): Type {
  if (isVariable(one)) return bound.get(one.name) ?? DYN;
  return one.of.length === 0 ? one : { name: one.name, of: one.of.map((part) => filled(part, bound)) };
}
