import { join } from 'node:path';
import { goTool, type PartOptions } from '../parts/index.ts';

/** Pinned here and in the go.mod of each folder. */
export const OCI_VERSIONS = { registry: 'v3.1.2', oras: 'v1.3.6' } as const;

export type OciPart = keyof typeof OCI_VERSIONS;
const PACKAGES: Readonly<Record<OciPart, string>> = {
  registry: 'github.com/distribution/distribution/v3/cmd/registry',
  oras: 'oras.land/oras/cmd/oras',
};
export const OCI_PARTS: readonly OciPart[] = ['registry', 'oras'];

/** Paths of the registry and of oras, built when missing. */
export async function requireOci<P extends OciPart>(
  wanted: readonly P[],
  options: PartOptions = {},
): Promise<Readonly<Record<P, string>>> {
  const paths: Partial<Record<P, string>> = {};
  for (const part of wanted) paths[part] = (await ociTool(part, options))[part];
  return paths as Record<P, string>;
}

const ociTool = <P extends OciPart>(part: P, options: PartOptions): Promise<Record<P, string>> =>
  goTool(
    {
      kept: `ociregistry/${part}-`,
      name: part,
      version: OCI_VERSIONS[part],
      module: join(import.meta.dirname, part),
      packages: Object.fromEntries([[part, PACKAGES[part]]]) as Record<P, string>,
      minutes: 2,
    },
    options,
  );
