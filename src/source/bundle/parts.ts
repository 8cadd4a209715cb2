import { Fault, printable, type SourceKey } from '../../model/index.ts';
import { type Carried, carriedFor, carriedIn } from './carried.ts';
import { checkedSpan, type Descriptor, type Layout, type Listed, type Manifest } from './layout.ts';
import { labelsOf, MEDIA, NOTE, type PartNotes, type Selector } from './media.ts';
import type { Span } from './span.ts';

/**
 * How the content of a source is packed: a Git bundle; an OCI image layout; a tar of files, compressed or not; the objects
 * of a bucket in a tar, with a list of them.
 */
export type PartForm = 'git' | 'oci' | 'archive' | 'objects';

/** The content of one source in a file. */
export interface BundlePart extends PartNotes {
  readonly form: PartForm;
  /** Where its payload lies; of an image layout the whole file. */
  readonly span: Span;
  /** Where the list of its objects lies, of the form `objects`. */
  readonly listing?: Span;
  /** Of an artifact that was packed for this source. */
  readonly carried?: Carried;
}

const EVERYBODY: Selector = { cluster: '', labels: {} };
const NAMED =
  /^([A-Za-z]+)_([a-z0-9.-]+)_([a-z0-9.-]+?)(?:@(.*?))?\.(?:bundle|tar|tar\.gz|tgz|tar\.zst|tar\.zstd|tzst)$/;

/** A file without a wrapper, for the source of its name: `GitRepository_flux-system_fleet.bundle`, `..._fleet@main.bundle`. */
export function plainPart(form: PartForm, name: string, span: Span): BundlePart {
  const m = NAMED.exec(name);
  const source = m === null ? '' : `${m[1]}/${m[2]}/${m[3]}`;
  return { form, source, revision: '', base: '', created: '', sequence: 0, selector: EVERYBODY, span };
}

/** Whether the name of a file says that it is an archive of files, which is read as it is compressed. */
export const holdsFiles = ({ source }: Pick<BundlePart, 'source'>): boolean =>
  /^(?:Bucket|ExternalArtifact)\//.test(source);

/** The source that an entry of the index is for; '' for one of others. */
export const sourceOf = ({ descriptor, manifest }: Listed): SourceKey =>
  carriedFor(descriptor) || (manifest?.annotations[NOTE.source] ?? '');

/**
 * What an entry of the index has for the agent; undefined for one of others, and for signatures. Fault `bundle-unreadable`,
 * `bundle-damaged`.
 */
export function partOf(layout: Layout, listed: Listed): BundlePart | undefined {
  const source = sourceOf(listed);
  if (source === '') return undefined;
  if (!/^[A-Za-z]+\/[a-z0-9.-]+\/[a-z0-9.-]+$/.test(source))
    throw unreadable(`a manifest is for '${printable(source, 80)}', which is no Kind/namespace/name`);
  const { descriptor, manifest } = listed;
  if (carriedFor(descriptor) !== '') {
    const carried = carriedIn(listed);
    const span = { start: 0, size: layout.file.size };
    return carried === undefined ? undefined : { ...notesOf(source, descriptor), form: 'oci', span, carried };
  }
  const found = manifest === undefined ? undefined : formOf(source, manifest.layers);
  if (manifest === undefined || found === undefined)
    throw unreadable(
      `the content of ${source} is none that this agent knows: it may be of a newer version of Holdfast`,
    );
  const { form, payload, listing } = found;
  return {
    ...notesOf(source, manifest),
    form,
    span: checkedSpan(layout, payload),
    ...(listing === undefined ? {} : { listing: checkedSpan(layout, listing) }),
  };
}

interface Form {
  readonly form: PartForm;
  readonly payload: Descriptor;
  readonly listing?: Descriptor;
}

const ARCHIVES: ReadonlySet<string> = new Set([MEDIA.tar, MEDIA.tarGzip, MEDIA.tarZstd]);

function formOf(source: SourceKey, [first, second, more]: readonly Descriptor[]): Form | undefined {
  if (first === undefined || more !== undefined) return undefined;
  const [kind] = source.split('/');
  if (second !== undefined)
    return kind === 'Bucket' && first.mediaType === MEDIA.objects && ARCHIVES.has(second.mediaType)
      ? { form: 'objects', payload: second, listing: first }
      : undefined;
  if (first.mediaType === MEDIA.git) return { form: 'git', payload: first };
  const isArchive = kind === 'ExternalArtifact' && ARCHIVES.has(first.mediaType);
  return isArchive ? { form: 'archive', payload: first } : undefined;
}

function notesOf(source: SourceKey, { annotations }: Pick<Manifest, 'annotations'>): PartNotes {
  const note = (key: string): string => annotations[key] ?? '';
  const sequence = Number(note(NOTE.sequence));
  return {
    source,
    revision: note(NOTE.revision),
    base: note(NOTE.base),
    created: note(NOTE.created),
    sequence: Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0,
    selector: { cluster: note(NOTE.cluster), labels: labelsOf(note(NOTE.labels)) },
  };
}

export const unreadable = (why: string): Fault => new Fault('bundle-unreadable', why);
