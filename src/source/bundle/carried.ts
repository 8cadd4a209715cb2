import { type Digest, Fault, isDigest, parseRevision, printable, type SourceKey } from '../../model/index.ts';
import { forPlatform, parseManifest } from '../oci/manifest.ts';
import { ALL_MANIFESTS, blobOf, type Descriptor, type Layout, type Listed } from './layout.ts';
import { NOTE } from './media.ts';

/** The artifact of an OCIRepository in a bundle of ours, as the registry had it. */
export interface Carried {
  /** What the revision names. */
  readonly top: Descriptor;
  /** Blobs that were not packed. */
  readonly leftOut: ReadonlySet<string>;
}

/**
 * The OCIRepository that an entry of the index is for: its artifact, or a signature of it. Their manifests are those of
 * others, so it is said in the index. '' for other entries.
 */
export function carriedFor({ annotations }: Descriptor): SourceKey {
  const source = annotations[NOTE.source] ?? '';
  return source.startsWith('OCIRepository/') ? source : '';
}

/** The artifact of an entry that is for an OCIRepository; undefined for a signature. Fault `bundle-unreadable`. */
export function carriedIn({ descriptor }: Listed): Carried | undefined {
  const { annotations, digest } = descriptor;
  if (NOTE.signs in annotations) return undefined;
  const revision = annotations[NOTE.revision] ?? '';
  const parsed = parseRevision(revision);
  // The tag stands nowhere else.
  if (parsed?.algorithm !== 'sha256' || digest !== `sha256:${parsed.hash}`)
    throw unreadable(
      `its index says that ${digest} is the revision '${printable(revision)}', which names another digest`,
    );
  const leftOut = (annotations[NOTE.leftOut] ?? '').split(',').filter((one) => one !== '');
  const wrong = leftOut.find((one) => !isDigest(one));
  if (wrong !== undefined) throw unreadable(`it leaves out '${printable(wrong)}', which is no digest`);
  return { top: descriptor, leftOut: new Set(leftOut) };
}

/** Manifests with signatures of the artifact of a source. */
export function signatureCount(listed: readonly Listed[], source: SourceKey): number {
  return listed.filter(({ descriptor }) => carriedFor(descriptor) === source && NOTE.signs in descriptor.annotations)
    .length;
}

/** All that an agent may read of a carried artifact. */
export interface Reach {
  /** From its entry to the manifest of an image. */
  readonly manifests: readonly Pick<Descriptor, 'digest' | 'size'>[];
  /** Config and layers, without those that were left out. */
  readonly blobs: readonly Descriptor[];
}

/** Indexes that may lead to one another, as in a fetch. */
const MOST_INDEXES = 4;

/** Bytes of manifests that may be read yet. */
export interface ReachBudget {
  left: number;
}

/** For all artifacts of a file together: what their manifests say is held in memory. */
export const reachBudget = ({ limits }: Layout): ReachBudget => ({ left: ALL_MANIFESTS * limits.bundleIndexBytes });

/**
 * Follows an artifact as a fetch does. Faults `bundle-damaged` for what is not there, `bundle-unreadable`, `source-bounds`
 * (limits.bundleIndexBytes, for each manifest and, `budget`, for many).
 */
export async function reachOf(
  layout: Layout,
  { top, leftOut }: Carried,
  budget: ReachBudget = reachBudget(layout),
): Promise<Reach> {
  const manifests: Pick<Descriptor, 'digest' | 'size'>[] = [];
  for (let next: Pick<Descriptor, 'digest' | 'size' | 'mediaType'> = top; manifests.length <= MOST_INDEXES; ) {
    manifests.push(next);
    budget.left -= next.size;
    if (budget.left < 0)
      throw new Fault(
        'source-bounds',
        `the manifests of artifacts together have more than ${ALL_MANIFESTS} times ${layout.limits.bundleIndexBytes} bytes (limits.bundleIndexBytes)`,
      );
    const bytes = await blobOf(layout, next);
    const parsed = readable(() => parseManifest(bytes, next.mediaType));
    if (parsed.kind === 'manifest') {
      const all = [...(parsed.config === undefined ? [] : [parsed.config]), ...parsed.layers];
      return { manifests, blobs: all.filter(({ digest }) => !leftOut.has(digest)) };
    }
    const child = forPlatform(parsed);
    if (child === undefined) throw unreadable(`the index ${next.digest} has nothing for linux/amd64`);
    next = child;
  }
  throw unreadable(`more than ${MOST_INDEXES} indexes lead to one another`);
}

function readable<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'source-refused') throw error;
    throw new Fault('bundle-unreadable', error.message, { cause: error });
  }
}

/** What a layout has for a source, as if it were all of a registry. */
export interface Choice {
  readonly listed: readonly Listed[];
  /** Why a blob that is asked for is not there; undefined where nobody has said so. */
  lacks(digest: Digest): Fault | undefined;
}

/**
 * What was packed for a source, under its tag alone, whatever its repository is called here; where nothing was, all that is
 * for none of ours. Tools that copy an artifact with what refers to it say of the artifact alone whose it is.
 */
export function choiceFor(listed: readonly Listed[], source: SourceKey): Choice {
  const own = listed.filter(({ descriptor }) => carriedFor(descriptor) === source);
  if (own.length === 0)
    return { listed: listed.filter(({ descriptor }) => carriedFor(descriptor) === ''), lacks: () => undefined };
  const referring = listed
    .filter(({ descriptor, manifest }) => carriedFor(descriptor) === '' && (manifest?.subject ?? '') !== '')
    .map((one): Listed => ({ ...one, descriptor: { ...one.descriptor, annotations: {} } }));
  const leftOut = new Map<string, string>();
  const named = own.map((one): Listed => {
    const carried = carriedIn(one);
    if (carried === undefined) return one;
    const { annotations } = one.descriptor;
    for (const digest of carried.leftOut) leftOut.set(digest, annotations[NOTE.base] ?? '');
    const tag = parseRevision(annotations[NOTE.revision] ?? '')?.name ?? '';
    return { ...one, descriptor: { ...one.descriptor, annotations: tag === '' ? {} : { [NOTE.refName]: tag } } };
  });
  return {
    listed: [...named, ...referring],
    lacks: (digest) => {
      const base = leftOut.get(digest);
      if (base === undefined) return undefined;
      const why = base === '' ? 'whoever packed it did not have it' : `it is of ${printable(base)}, which is not here`;
      return new Fault('bundle-base-missing', `the layer ${digest} was left out: ${why}; bring a whole bundle`);
    },
  };
}

const unreadable = (why: string): Fault => new Fault('bundle-unreadable', `the bundle cannot be read: ${why}`);
