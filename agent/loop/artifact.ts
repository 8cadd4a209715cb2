import { type ArtifactNote, artifactContent, asFault, type RevisionPart } from '../../src/model/index.ts';
import type { ArtifactFacts } from '../../src/report/index.ts';
import type { LoopEnv } from './env.ts';
import { rfc3339 } from './time.ts';

/** Archives that can be asked for: that of the newest revision, and the one before for who has just read its URL. */
const TOLD = 2;

/** Path of an artifact below the base of its URL, as source-controller lays them out. */
export function artifactPath(key: string, revision: string): string {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  // Of an artifact of a registry the whole digest, as there.
  const id = revision.slice(revision.lastIndexOf(kind === 'OCIRepository' ? '@' : ':') + 1);
  return `${kind.toLowerCase()}/${namespace}/${name}/${id}.tar.gz`;
}

/** Path of the newest artifact of a source, whatever its revision. */
export function latestPath(key: string): string {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return `${kind.toLowerCase()}/${namespace}/${name}/latest.tar.gz`;
}

/** `status.url`, which Flux has for these kinds; '' before the first archive. */
export function latestUrl(key: string, { artifacts, records }: LoopEnv): string {
  const [kind = ''] = key.split('/');
  if (artifacts === undefined || (kind !== 'OCIRepository' && kind !== 'Bucket')) return '';
  return records.artifacts(key).length === 0 ? '' : `${artifacts.base}/${latestPath(key)}`;
}

/**
 * `status.artifact` of a source, or what was told of one revision of it; undefined while there is no archive of that.
 */
export function artifactFacts(
  key: string,
  { artifacts, records }: LoopEnv,
  of?: Pick<RevisionPart, 'revision' | 'root'>,
): ArtifactFacts | undefined {
  const notes = artifacts === undefined ? [] : records.artifacts(key);
  const note = of === undefined ? notes[0] : notes.find((one) => one.revision === of.revision && one.root === of.root);
  const [kind] = key.split('/');
  if (artifacts === undefined || note === undefined) return undefined;
  const path = artifactPath(key, note.revision);
  const { revision, digest, size, at } = note;
  const current = records.source(key)?.current;
  const shown = kind === 'OCIRepository' && current?.revision === revision ? current.metadata : {};
  return {
    path,
    url: `${artifacts.base}/${path}`,
    revision,
    digest,
    size,
    lastUpdateTime: rfc3339(at),
    metadata: shown,
  };
}

/**
 * Finds out what the archive of a source's newest revision comes to, where that is not known yet. Nothing is written
 * but digest and size. Fault `cache-damaged` when the content is not whole.
 */
export async function takeArtifact(key: string, env: LoopEnv, signal: AbortSignal): Promise<void> {
  const { artifacts, records, clock } = env;
  const record = records.source(key);
  if (artifacts === undefined || record === undefined) return;
  const { revision } = record.current;
  const content = artifactContent(record.current);
  const { root, archive } = content;
  const { maker } = artifacts;
  const notes = records.artifacts(key);
  const [newest] = notes;
  const same = newest?.revision === revision && newest.root === root && newest.archive === archive;
  const last = same ? newest : undefined;
  if (last?.maker === maker) return;
  const known = notes.find((one) => one.root === root && one.archive === archive && one.maker === maker);
  const { digest, size } = known ?? (await env.workshop.archive(content, signal, key));
  const at = last?.at ?? clock.now();
  const note: ArtifactNote = { ...content, revision, digest, size, maker, at };
  // What another maker made cannot be made again with the digest that was told.
  const before = notes.filter((one) => one !== last && one.maker === maker);
  await records.noteArtifacts(key, [note, ...before].slice(0, TOLD));
}

/** The same where other work must go on: a failure is only logged, and the artifact stays what it was. */
export async function tryArtifact(key: string, env: LoopEnv, signal: AbortSignal): Promise<void> {
  try {
    await takeArtifact(key, env, signal);
  } catch (error) {
    if (!signal.aborted) env.log.warn('no new artifact', { source: key, error: asFault(error).message });
  }
}
