import type { DataObject, KustomizationSpec } from '../../flux/index.ts';
import { byCodeUnit, Fault } from '../../model/index.ts';

/** Names that a variable may have, as Flux writes the rule. */
const RULE = '^[_[:alpha:]][_[:alpha:][:digit:]]*$';
const NAME = /^[_A-Za-z][_A-Za-z0-9]*$/;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

type PostBuild = NonNullable<KustomizationSpec['postBuild']>;

/**
 * The variables of a Kustomization: those of ConfigMaps and Secrets in order, later ones over earlier ones, then the inline
 * ones over all. Line breaks are taken out of every value. `find` gives an object of the Kustomization's namespace. Throws
 * a Fault `build-failed` for an object that is not there and not optional.
 */
export function collectVariables(
  postBuild: PostBuild,
  find: (kind: 'ConfigMap' | 'Secret', name: string) => DataObject | undefined,
): Map<string, string> {
  const vars = new Map<string, string>();
  for (const { kind, name, optional } of postBuild.substituteFrom) {
    const found = find(kind, name);
    if (found === undefined) {
      if (optional) continue;
      const plural = kind === 'Secret' ? 'secrets' : 'configmaps';
      throw new Fault('build-failed', `substitute from '${kind}/${name}' error: ${plural} "${name}" not found`);
    }
    for (const [key, bytes] of found.data) vars.set(key, UTF8.decode(bytes).replaceAll('\n', ''));
  }
  for (const [key, value] of Object.entries(postBuild.substitute)) vars.set(key, value.replaceAll('\n', ''));
  return vars;
}

/** The first name that no variable may have, with Flux's message; undefined when all are right. */
export function badName(vars: ReadonlyMap<string, string>): string | undefined {
  const bad = [...vars.keys()].sort(byCodeUnit).find((name) => !NAME.test(name));
  return bad === undefined ? undefined : `'${bad}' var name is invalid, must match '${RULE}'`;
}
