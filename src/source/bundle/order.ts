import { Fault, parseRevision, type SourceRevision } from '../../model/index.ts';

const CREATED = 'org.opencontainers.image.created';

/**
 * Throws Fault `bundle-older` where brought content that has no history of its own, such as an OCI artifact or a bucket, is not to take
 * the place of what is here: it was here before, its version is lower, or it says that it was made earlier. What the object
 * names by digest, and another tag than the one that is here without `semver`, is meant.
 */
export async function checkSuccession(
  content: SourceRevision,
  here: { readonly have: SourceRevision | undefined; readonly previous: readonly SourceRevision[] },
  ref: { readonly digest?: string; readonly semver?: string },
): Promise<void> {
  const { have, previous } = here;
  if (have === undefined || have.revision === content.revision || (ref.digest ?? '') !== '') return;
  const [before, brought] = [parseRevision(have.revision), parseRevision(content.revision)];
  const refuse = (why: string): never => {
    throw new Fault('bundle-older', `${content.revision} is older than what is here: ${why}`);
  };
  if (before !== undefined && brought !== undefined && before.name !== brought.name) {
    if ((ref.semver ?? '') === '') return;
    const { isLowerVersion } = await import('../semver/index.ts');
    if (isLowerVersion(brought.name, before.name)) refuse(`version ${before.name} is here, which is higher`);
    return;
  }
  if (previous.some(({ revision }) => revision === content.revision)) refuse(`it was here before ${have.revision}`);
  const [was, is] = [timeOf(have), timeOf(content)];
  if (Date.parse(is) < Date.parse(was)) refuse(`it is of ${is}, and ${have.revision}, which is here, of ${was}`);
}

/** When an artifact was made, or a bucket listed; '' when nobody has said. */
const timeOf = ({ metadata }: SourceRevision): string => metadata[CREATED] ?? metadata['time'] ?? '';
