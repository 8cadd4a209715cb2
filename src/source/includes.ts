import type { SourceObject } from '../flux/index.ts';
import { Fault, type RevisionPart, type SourceKey, type SourceRevision } from '../model/index.ts';

/** The other sources of a site, as they are now. */
export interface OtherSources {
  declared(key: SourceKey): SourceObject | undefined;
  /** Its newest admitted revision. */
  current(key: SourceKey): SourceRevision | undefined;
}

const keyOf = (namespace: string, name: string): SourceKey => `GitRepository/${namespace}/${name}`;

/** Key of a source that another one includes by this name. */
export const includedKey = ({ meta }: SourceObject, name: string): SourceKey => keyOf(meta.namespace, name);

/** Keys of the sources that a source includes. */
export function includedKeys({ kind, spec, meta }: SourceObject): readonly SourceKey[] {
  return kind === 'GitRepository' ? spec.include.map(({ repository }) => keyOf(meta.namespace, repository.name)) : [];
}

/** What `spec.include` puts in, at the revisions that are here. Fault `include-unavailable` with Flux's reason. */
export function includesOf(source: SourceObject, others: OtherSources): readonly RevisionPart[] {
  if (source.kind !== 'GitRepository') return [];
  const own = keyOf(source.meta.namespace, source.meta.name);
  return source.spec.include.map(({ repository: { name }, fromPath, toPath }): RevisionPart => {
    const key = keyOf(source.meta.namespace, name);
    const included = others.declared(key);
    if (included === undefined)
      throw unavailable(
        'NotFound',
        `could not get resource for include '${name}': GitRepository.source.toolkit.fluxcd.io "${name}" not found`,
      );
    if (reaches(included, own, others))
      throw unavailable('IncludeCycle', `include '${name}' includes this source itself, directly or through others`);
    const current = others.current(key);
    if (current === undefined) throw unavailable('NoArtifact', `no artifact available for include '${name}'`);
    // A part is not to be taken for the whole, which is being asked for.
    if (current.part !== undefined) throw unavailable('NoArtifact', `only a part of include '${name}' was fetched yet`);
    const { revision, root } = current;
    return { kind: 'include', source: name, fromPath, toPath, revision, root, keep: [] };
  });
}

function unavailable(reason: string, message: string): Fault {
  return new Fault('include-unavailable', message, { reason });
}

/** Whether a source leads to another by includes: in a circle each would grow with every look at the other. */
function reaches(from: SourceObject, to: SourceKey, others: OtherSources): boolean {
  const seen = new Set<SourceKey>([keyOf(from.meta.namespace, from.meta.name)]);
  // A set goes on with what is added while it is walked.
  for (const key of seen) {
    if (key === to) return true;
    const source = others.declared(key);
    for (const next of source === undefined ? [] : includedKeys(source)) seen.add(next);
  }
  return false;
}
