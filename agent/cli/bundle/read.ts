import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openCache } from '../../../src/cache/index.ts';
import { asFault, DEFAULT_LIMITS, type Limits, printable } from '../../../src/model/index.ts';
import type { ContentStore, MediumFile } from '../../../src/ports/index.ts';
import {
  type Bundle,
  type BundlePart,
  digestOf,
  type GitProof,
  labelsText,
  type ObjectList,
  openBundle,
  proveBundle,
  readArchive,
  readGitHead,
  readObjectList,
  verifyGit,
  verifyObjects,
} from '../../../src/source/bundle/index.ts';
import { createDisk } from '../../adapters/disk/index.ts';
import { type CliIo, usageError } from '../io.ts';
import type { BundleFlags } from './flags.ts';
import { type OpenedFile, withFile } from './open.ts';
import { type ArtifactSummary, artifactJson, artifactLines, artifactOf, artifactProof } from './read-oci.ts';

/** `holdfast bundle inspect` and `verify`. */
export async function readBundleFile(action: 'inspect' | 'verify', flags: BundleFlags, io: CliIo): Promise<number> {
  const [path, more] = flags.words;
  if (path === undefined || more !== undefined) return usageError(io, 'bundle', `${action} one FILE`);
  const { output: format = 'text' } = flags;
  if (format !== 'text' && format !== 'json') return usageError(io, 'bundle', `-o ${format}: there are text and json`);
  try {
    return await withFile(resolve(path), io, async (opened) => {
      const { file, name } = opened;
      const bundle = await openBundle(file, name, DEFAULT_LIMITS);
      const rows = await rowsOf(file, bundle);
      if (action === 'verify') await verify({ file, bundle, rows }, io);
      else io.stdout(format === 'json' ? asJson(opened, bundle, rows) : asText(opened, bundle, rows));
      return 0;
    });
  } catch (error) {
    const { code, message } = asFault(error);
    io.stderr(`holdfast bundle ${action}: ${path}: ${message} (${code})\n`);
    return 1;
  }
}

/** A part, with what stands in the head of its Git bundle, or in the list of its objects. */
interface Row extends BundlePart {
  readonly refs: readonly { readonly name: string; readonly oid: string }[];
  readonly needs: readonly string[];
  readonly list: ObjectList | undefined;
  readonly artifact: ArtifactSummary | undefined;
  /** Bytes of its payload. */
  readonly bytes: number;
}

async function rowsOf(file: MediumFile, bundle: Bundle): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const part of bundle.parts) {
    const { form, span, listing } = part;
    const head = form === 'git' ? await readGitHead(file, span.start, DEFAULT_LIMITS.advertisedRefs) : undefined;
    const list = listing === undefined ? undefined : await readObjectList(file, listing, DEFAULT_LIMITS);
    const artifact = await artifactOf(bundle, part);
    const base = artifact === undefined ? (list?.base ?? '') : part.base;
    const needs = head?.needs ?? (base === '' ? [] : [base]);
    rows.push({ ...part, refs: head?.refs ?? [], needs, list, artifact, bytes: artifact?.bytes ?? span.size });
  }
  return rows;
}

function asJson({ file, compressed }: OpenedFile, { form, others }: Bundle, rows: readonly Row[]): string {
  const sources = rows.map(
    ({ source, revision, base, created, sequence, selector, form: content, bytes, refs, needs, list, artifact }) => ({
      source,
      revision,
      base,
      created,
      sequence,
      selector,
      content,
      bytes,
      refs,
      needs,
      ...(list === undefined ? {} : { bucket: list.bucket, prefix: list.prefix, objects: list.objects.size }),
      ...artifactJson(artifact),
    }),
  );
  const beside = others.map(({ descriptor }) => ({ ...descriptor }));
  const kind = { apiVersion: 'holdfast.dev/v1alpha1', kind: 'Bundle', form, bytes: file.size };
  return `${JSON.stringify({ ...kind, ...(compressed === undefined ? {} : { compressed }), sources, others: beside }, null, 2)}\n`;
}

function asText({ file, compressed }: OpenedFile, { form, others }: Bundle, rows: readonly Row[]): string {
  const packed = compressed === undefined ? '' : `, ${compressed.bytes} as it is compressed (${compressed.coding})`;
  const lines = [`${form}, ${file.size} bytes${packed}`];
  for (const row of rows) {
    const { cluster, labels } = row.selector;
    const meant = [cluster === '' ? '' : `cluster ${cluster}`, labelsText(labels)]
      .filter((one) => one !== '')
      .join(', ');
    lines.push(`${row.source === '' ? '(does not say for which source)' : plain(row.source)}`);
    if (row.revision !== '') lines.push(`  revision  ${plain(row.revision)}`);
    const whole = row.needs.length === 0 && (row.artifact?.leftOut.length ?? 0) === 0;
    lines.push(`  content   ${row.form}, ${row.bytes} bytes${whole ? ', whole' : ''}`);
    lines.push(...artifactLines(row.artifact));
    if (row.list !== undefined)
      lines.push(
        `  objects   ${row.list.objects.size} of bucket ${plain(row.list.bucket)} ${plain(row.list.prefix)}`.trimEnd(),
      );
    if (row.needs.length > 0) lines.push(`  needs     ${plain(row.needs.join(', '))}`);
    for (const { name, oid } of row.refs.slice(0, MOST)) lines.push(`  ref       ${plain(name)} ${oid}`);
    if (row.refs.length > MOST) lines.push(`  ref       and ${row.refs.length - MOST} more`);
    if (row.created !== '') lines.push(`  created   ${plain(row.created)}, sequence ${row.sequence}`);
    if (meant !== '') lines.push(`  only for  ${plain(meant)}`);
  }
  if (others.length > 0) lines.push(`${others.length} more in it that are not for the agent, such as images`);
  return `${lines.join('\n')}\n`;
}

const MOST = 10;

/** What comes from a file must not steer the terminal. */
const plain = (text: string): string => printable(text, 300);

interface Opened {
  readonly file: MediumFile;
  readonly bundle: Bundle;
  readonly rows: readonly Row[];
}

/** Digests of everything, and of Git all ids and whether it closes; in a folder that goes afterwards. */
async function verify({ file, bundle, rows }: Opened, io: CliIo): Promise<void> {
  if (io.terminal !== undefined) io.stderr(`reading ${file.size} bytes ...\n`);
  await proveBundle(bundle, () => true, io.signal);
  const how = { limits: DEFAULT_LIMITS, signal: io.signal };
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-verify-'));
  try {
    const { store } = openCache({ disk: createDisk(dir), limits: DEFAULT_LIMITS });
    for (const row of rows) {
      const name = row.source === '' ? 'the Git bundle' : plain(row.source);
      io.stdout(`${name}: ${await proofOf(file, row, store, how)}\n`);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  if (bundle.others.length > 0)
    io.stdout(`${bundle.others.length} more: the digests of what is in the file are right\n`);
}

/** What is proven of a part, in words. */
async function proofOf(
  file: MediumFile,
  { form, span, list, needs, artifact }: Row,
  store: ContentStore,
  how: { readonly limits: Limits; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  if (form === 'git') {
    const proof = await verifyGit(store, file, span, how);
    return PROVEN[proof.closure](proof);
  }
  if (artifact !== undefined) return artifactProof(artifact, plain(needs.join(', ')));
  if (list !== undefined) {
    const files = await verifyObjects(file, { span, list }, how);
    const what = needs.length === 0 ? 'whole' : `a difference to ${plain(needs.join(', '))}`;
    return `${what}: ${files} files, each with its digest`;
  }
  const nothing = { file: () => undefined, drain: async () => undefined };
  const { files, bytes } = await readArchive(file, span, nothing, { ...how, leaveLinks: true });
  return `whole to its end: ${files} files of ${bytes} bytes, ${await digestOf(file, span, how.signal)}`;
}

const PROVEN: Readonly<Record<GitProof['closure'], (proof: GitProof) => string>> = {
  whole: () => 'whole: every object has its id, and nothing is missing',
  difference: ({ needs }) => `a difference to ${needs.join(', ')}: every object has its id`,
  thin: ({ needs }) =>
    `a difference to ${needs.join(', ')}: the sum of its pack is right, its objects lean on that commit`,
};
