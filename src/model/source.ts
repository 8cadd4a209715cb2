import type { Digest } from './digest.ts';

/** `Kind/namespace/name` of a source object. */
export type SourceKey = string;

/** One admitted revision of a source: complete and verified on this disk. */
export interface SourceRevision {
  /** As Flux writes it: `main@sha1:…`, `latest@sha256:…`. */
  readonly revision: string;
  /** The root folder's stored listing. Same content, same digest. */
  readonly root: Digest;
  /** The source's own data, such as the commit's id, subject and author time; shown, never decided upon. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Other content that the source wants kept with it (the commit object, for signatures). */
  readonly keep: readonly Digest[];
  /**
   * What is served as its artifact as it is, in place of an archive of `root`: a stored folder whose files, in order of
   * their names, are the pieces. Absent when the artifact is made of `root`.
   */
  readonly archive?: Digest;
  /** What was put into it from elsewhere; absent when it is the source's own content alone. */
  readonly composed?: Composition;
  /** Which signatures were checked; absent when none were asked for. */
  readonly verified?: Verification;
  /** Only this of the source was fetched; absent when it is whole. */
  readonly part?: FetchedPart;
}

/** What a site needs of a source. */
export interface FetchedPart {
  /** Folders with all below them, and single files; sorted, clean, none below another. */
  readonly paths: readonly string[];
  /** Names what was asked for: another value means that it is to be looked at again. */
  readonly asked: string;
}

/** Whether a path is one of these, or below one. */
export function isCovered(path: string, by: readonly string[]): boolean {
  return by.some((one) => one === '' || path === one || path.startsWith(`${one}/`));
}

/** What an artifact is made of. */
export interface ArtifactContent extends Pick<SourceRevision, 'root' | 'archive'> {
  /** Only a part was fetched, on purpose: what is away is left out, as a sparse checkout leaves it out. */
  readonly partial?: true;
}

/** What the artifact of a revision is made of. */
export function artifactContent({ root, archive, part }: SourceRevision): ArtifactContent {
  return { root, ...(archive === undefined ? {} : { archive }), ...(part === undefined ? {} : { partial: true }) };
}

/** What an archive of a revision's content comes to. */
export interface ArtifactSeal {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The archive of a revision as it was told of; its bytes are made when they are asked for. */
export interface ArtifactNote extends ArtifactSeal, ArtifactContent {
  readonly revision: string;
  /** Names what it was made by: another maker may make other bytes of the same content. */
  readonly maker: string;
  /** Wall clock, milliseconds since 1970, when this revision was first told of. */
  readonly at: number;
}

/** How a revision was put together out of more than one repository. */
export interface Composition {
  /** Root of the source's own content. */
  readonly own: Digest;
  /** Names the rules under which files are left out of it. */
  readonly rules: string;
  /** In the order in which they were put in. */
  readonly parts: readonly RevisionPart[];
}

/** A folder, or file, that was put into a revision. */
export interface RevisionPart {
  readonly kind: 'module' | 'include';
  /** A submodule's URL without credentials, or the name of the included source. */
  readonly source: string;
  /** Path in that source; '' for all of it. */
  readonly fromPath: string;
  readonly toPath: string;
  readonly revision: string;
  /** Root of that source's revision. */
  readonly root: Digest;
  /** What a submodule wants kept for its next fetch; empty for an include, whose own record keeps it. */
  readonly keep: readonly Digest[];
}

/** A check of signatures that passed. */
export interface Verification {
  /** Names what was checked with what: another value means that it is to be checked again. */
  readonly key: string;
  readonly mode: string;
  /** What was signed and by which key, as Flux words it. */
  readonly message: string;
}

/** Everything that a revision needs on the disk: folders with all below them, and single contents. */
export function contentOf(revision: SourceRevision): {
  readonly folders: readonly Digest[];
  readonly contents: readonly Digest[];
} {
  const modules = (revision.composed?.parts ?? []).filter((part) => part.kind === 'module');
  return {
    folders: [
      revision.root,
      ...(revision.archive === undefined ? [] : [revision.archive]),
      ...(revision.composed === undefined ? [] : [revision.composed.own]),
      ...modules.map((part) => part.root),
    ],
    contents: [...revision.keep, ...modules.flatMap((part) => part.keep)],
  };
}

/** The source's own revision, without what was put into it. */
export function ownRevision(revision: SourceRevision): SourceRevision {
  const { composed, verified: _verified, ...rest } = revision;
  return composed === undefined ? rest : { ...rest, root: composed.own };
}

/** Bytes of a fetch as counted at the socket, and requests. */
export interface WireCount {
  readonly requests: number;
  readonly up: number;
  readonly down: number;
}

export const NO_TRAFFIC: WireCount = { requests: 0, up: 0, down: 0 };

/** Two counts together. */
export function addTraffic(a: WireCount, b: WireCount): WireCount {
  return { requests: a.requests + b.requests, up: a.up + b.up, down: a.down + b.down };
}

/** What a fetch found. `content` has been written to the store and is durable, but no pointer names it yet. */
export type FetchOutcome =
  | { readonly kind: 'unchanged'; readonly revision: string; readonly count: WireCount }
  | { readonly kind: 'fetched'; readonly content: SourceRevision; readonly count: WireCount };

/** `main@sha1:abc` to its parts; the name may hold any number of '@'. */
export function parseRevision(revision: string): { name: string; algorithm: string; hash: string } | undefined {
  const m = /^(?:(.*)@)?(sha1|sha256):([0-9a-f]{40,64})$/.exec(revision);
  return m === null ? undefined : { name: m[1] ?? '', algorithm: m[2] ?? '', hash: m[3] ?? '' };
}
