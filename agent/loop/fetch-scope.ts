import { type Kustomization, type KustomizationSpec, keyOf, type SourceObject } from '../../src/flux/index.ts';
import { byCodeUnit, isCovered, type SourceRevision } from '../../src/model/index.ts';
import { includedKeys } from '../../src/source/index.ts';
import { FETCH, type FetchNeeds, type FetchScope } from './env.ts';

/** What decides how much of a source is fetched. */
export interface Around {
  readonly kustomizations: Iterable<Kustomization>;
  readonly sources: Iterable<SourceObject>;
  /** What holds for sources that do not say so themselves. */
  readonly fetchScope: FetchScope;
  /** Paths that renders have asked for besides. */
  readonly asked?: readonly string[];
}

/** How much of a source is to be fetched. */
export interface Scope {
  /** Absent for the whole. */
  readonly needs?: FetchNeeds;
  /** Why a part that is wanted cannot be; '' where none is wanted, or it can. */
  readonly why: string;
}

/** How much of a source these Kustomizations need. Pure. */
export function scopeOf(source: SourceObject, around: Around): Scope {
  const asked = source.meta.annotations[FETCH] ?? around.fetchScope;
  if (asked === 'whole' || source.kind !== 'GitRepository') return { why: '' };
  if (asked !== 'needed') return { why: `the annotation ${FETCH} is neither 'needed' nor 'whole'` };
  const why = wholeWhy(source, around);
  if (why !== '') return { why };
  const specs = [...around.kustomizations].filter((one) => isMadeOf(one, source)).map(({ spec }) => spec);
  if (specs.some(({ path }) => path === '')) return { why: 'a Kustomization names the root of the repository' };
  const paths = [...new Set([...specs.map(({ path }) => path), ...(around.asked ?? [])])].sort(byCodeUnit);
  if (paths.includes('')) return { why: 'a render hangs on ignore files of folders that were not fetched' };
  return { needs: { paths, builds: distinct(specs) }, why: '' };
}

function wholeWhy(source: Extract<SourceObject, { kind: 'GitRepository' }>, around: Around): string {
  const { include, recurseSubmodules, sparseCheckout } = source.spec;
  if (include.length > 0) return 'it includes other sources';
  if (recurseSubmodules) return 'it has submodules';
  if (sparseCheckout.length > 0) return 'it has a sparse checkout';
  const key = keyOf(source);
  const other = [...around.sources].find((one) => includedKeys(one).includes(key));
  return other === undefined ? '' : `${keyOf(other)} includes it`;
}

const isMadeOf = ({ meta, spec: { sourceRef } }: Kustomization, source: SourceObject): boolean =>
  meta.deleting !== true &&
  sourceRef.kind === source.kind &&
  sourceRef.namespace === source.meta.namespace &&
  sourceRef.name === source.meta.name;

/** What reaches the same once, in an order of its own, so that the same site asks for the same. */
function distinct(specs: readonly KustomizationSpec[]): readonly KustomizationSpec[] {
  const known = new Map(specs.map((spec) => [JSON.stringify([spec.path, spec.components]), spec]));
  return [...known].sort((a, b) => byCodeUnit(a[0], b[0])).map(([, spec]) => spec);
}

/** Whether a revision has all that is asked for, as far as paths tell. */
export function answers({ part }: SourceRevision, { needs }: Scope): boolean {
  if (part === undefined) return true;
  return needs?.paths.every((path) => isCovered(path, part.paths)) === true;
}
