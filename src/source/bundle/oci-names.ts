import type { SourceKey } from '../../model/index.ts';
import type { Descriptor, Listed } from './layout.ts';

/** What a tool has named a manifest. */
export interface OciName {
  /** `HOST/NAME`; '' where only a tag is said, and the repository is whatever the reader takes it for. */
  readonly repository: string;
  readonly tag: string;
}

/** Annotations under which tools write the name, the most exact first. */
const NAMES = [
  'io.containerd.image.name',
  'hauler.dev/original-ref',
  'org.opencontainers.image.base.name',
  'org.opencontainers.image.ref.name',
];

/** The name of a listed manifest; undefined for one without, and for signatures that hauler lists under an image's name. */
export function nameOf({ annotations }: Descriptor): OciName | undefined {
  if (/(?:sigs|atts|sboms|referrers(?:\/.*)?)$/.test(annotations['kind'] ?? '')) return undefined;
  const text = writtenName(annotations);
  if (text === undefined) return undefined;
  const bare = text.replace(/^oci:\/\//, '').replace(/@sha256:[0-9a-f]{64}$/, '');
  const slash = bare.lastIndexOf('/');
  const colon = bare.indexOf(':', slash + 1);
  if (slash < 0)
    return { repository: colon < 0 ? '' : bare.slice(0, colon), tag: colon < 0 ? bare : bare.slice(colon + 1) };
  return { repository: colon < 0 ? bare : bare.slice(0, colon), tag: colon < 0 ? '' : bare.slice(colon + 1) };
}

const writtenName = (annotations: Descriptor['annotations']): string | undefined =>
  NAMES.map((key) => annotations[key] ?? '').find((value) => value !== '');

/**
 * The signatures that a tag `sha256-HEX.sig` stands for, which cosign and hauler list without that tag: under the name of
 * what is signed, else the only ones there are. Whoever asks finds out whose they are.
 */
export function signaturesTagged(listed: readonly Listed[], tag: string): Descriptor | undefined {
  const hex = /^sha256-([0-9a-f]{64})\.sig$/.exec(tag)?.[1];
  if (hex === undefined) return undefined;
  const [signatures, others] = [true, false].map((are) =>
    listed.filter(({ descriptor }) => /(?:^|\/)sigs$/.test(descriptor.annotations['kind'] ?? '') === are),
  );
  const signed = others?.find(({ descriptor }) => descriptor.digest === `sha256:${hex}`)?.descriptor.annotations;
  const name = signed === undefined ? undefined : writtenName(signed);
  const same = signatures?.find(({ descriptor }) => name !== undefined && writtenName(descriptor.annotations) === name);
  return (same ?? (signatures?.length === 1 ? signatures[0] : undefined))?.descriptor;
}

/** A declared OCIRepository. */
export interface OciClaim {
  readonly key: SourceKey;
  /** `oci://HOST/NAME` */
  readonly url: string;
}

/** Sources whose repository a layout has manifests of, by their full names. */
export function claimed(listed: readonly Listed[], sources: readonly OciClaim[]): readonly SourceKey[] {
  const found = new Set(listed.flatMap(({ descriptor }) => nameOf(descriptor)?.repository ?? []));
  return sources.filter(({ url }) => found.has(repositoryOf(url))).map(({ key }) => key);
}

/** Whether a source of one of these repositories could choose a listed manifest: by its tag, or one without a name by its digest. */
export function mayChoose({ descriptor }: Listed, repositories: readonly string[]): boolean {
  const { repository } = nameOf(descriptor) ?? { repository: '' };
  return repository === '' || repositories.includes(repository);
}

export function repositoryOf(url: string): string {
  return url.replace(/^oci:\/\//, '').replace(/\/+$/, '');
}
