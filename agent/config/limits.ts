import * as z from 'zod/mini';
import { about, durationText } from '../../src/flux/index.ts';
import { DEFAULT_LIMITS, type LimitName } from '../../src/model/index.ts';

/** What each limit bounds, for the reference. */
const HELP: { readonly [name in LimitName]: string } = {
  packBytes: 'Bytes of a Git pack.',
  packHeldBytes: 'Bytes of a Git pack that are held in memory at once.',
  packObjects: 'Objects in a Git pack.',
  objectBytes: 'Bytes of one Git object, of one object of a bucket, or of one file of an archive.',
  deltaDepth: 'Deltas on top of each other in a pack.',
  advertisedRefs: 'References that a Git server may list.',
  batchObjects: 'Git objects asked for in one request, where a transfer was cut before.',
  stalledRounds: 'Requests of one fetch in a row that bring nothing, where a transfer was cut before.',
  reachRounds: 'How often builds are asked what more of a repository they reach, where only a part is fetched.',
  responseHeaderBytes: 'Bytes of the head of an HTTP answer.',
  artifactBytes: 'Bytes of a layer of an OCI artifact, or of the archive of an ExternalArtifact, as it is transferred.',
  artifactRatio: 'How many times larger than itself a compressed layer may become; the first 16 MiB are not counted.',
  zstdWindowBytes:
    'How far back a zstd stream may look, which is memory; rounded down to a power of 2. Streams that want more are refused.',
  manifestListBytes: 'Bytes of an OCI manifest, of an index, or of one page of a list of tags.',
  registryTags: 'Tags that an OCI registry may list for a repository.',
  signatures: 'Signatures of one OCI artifact that are looked at, the newest first.',
  signatureBytes: 'Bytes of all of them together, their manifests included.',
  partialBytes: 'Bytes on disk of transfers that were cut and will go on.',
  partialMs: 'How long after its last attempt a transfer that was cut is kept.',
  bodyIdleMs:
    'Longest silence inside an answer of a Git server, a registry, an object storage or a server of artifacts; then it counts as cut.',
  bucketKeys: 'Objects that a bucket may list.',
  bucketListBytes: 'Bytes of the whole listing of a bucket.',
  bucketPageBytes: 'Bytes of one page of it.',
  bucketDownloads: 'Objects of a bucket that are downloaded at once.',
  bucketHeldBytes: 'Bytes of them that are held in memory at once, unless one alone is larger.',
  ignoreBytes: 'Bytes of one .sourceignore of a source.',
  ignorePatterns: 'Patterns of all .sourceignore files of a source and of spec.ignore together.',
  treeFiles: 'Files of a source.',
  treeBytes: 'Bytes of all files of a source.',
  treeDepth: 'Folders inside each other.',
  pathBytes: 'Bytes of a path.',
  submodules: 'Submodules of a source, those of submodules included.',
  submoduleDepth: 'Submodules inside each other.',
  cacheBytes: 'Bytes that the cache may take on disk.',
  cacheRevisions: 'Earlier revisions kept of each source, beside the current one.',
  keptParts: 'Transfers that were cut and of which the part that came is kept.',
  diskRoomBytes:
    'Free on the disk of the state folder, below which it is told that the next revision may not fit, and a file of the inbox is not unpacked.',
  manifestBytes: 'Bytes of a manifest file.',
  manifestLineBytes: 'Bytes of one line of a manifest.',
  yamlNodes: 'Values in a YAML document, aliases counted as often as they are used.',
  yamlAliases: 'Aliases in a YAML document.',
  yamlDepth: 'Maps and lists inside each other.',
  renderFiles: 'Files of one render.',
  renderObjects: 'Objects of one render.',
  renderBytes: 'Bytes of all objects of one render, as JSON.',
  renderMs: 'Time of one render.',
  expressionChars: 'Longest CEL expression, in characters.',
  expressionSteps: 'Most work of one evaluation of a CEL expression: nodes, items and characters looked at.',
  requestsInFlight: 'Requests to the API server at the same time.',
  encryptedFileBytes: 'Bytes of a file that SOPS encrypted.',
  encryptedFiles: 'Encrypted files that one render decrypts.',
  encryptedRecipients: 'Recipients that a file may be encrypted to.',
  requestMs: 'Time of one request to the API server.',
  responseBytes: 'Bytes of an answer of the API server.',
  watchEventBytes: 'Bytes of one event of a watch.',
  kubeconfigBytes: 'Bytes of a kubeconfig that `spec.kubeConfig` names.',
  remoteClusters: 'Clusters named by `spec.kubeConfig` at the same time.',
  configBytes: 'Bytes of all files with configuration and objects.',
  configFiles: 'Files with objects.',
  artifactDownloads: 'Artifacts that are sent at the same time; who asks for more is told to come again.',
  artifactMs: 'Time to pack an artifact, or to send it.',
  bundleBytes:
    'Bytes of a bundle, or of another file in the inbox; of one that is compressed as a whole also unpacked.',
  bundleFiles: 'Members of a bundle, blobs for the most part.',
  bundleManifests: 'Manifests that a bundle may list, those of images included.',
  bundleIndexBytes: 'Bytes of an index or a manifest in a bundle.',
  bundleMs: 'Time to take the content of one source from a file, and to unpack a file that is compressed as a whole.',
  inboxFiles: 'Files that are looked at in one folder of the inbox.',
  backoffMs: 'Longest wait between two attempts after failures.',
  workerMemoryMib: 'Memory of a child process for heavy work, in MiB.',
};

const QUANTITY = /^[1-9][0-9]*(?:Ki|Mi|Gi)?$/;
const POWER: Readonly<Record<string, number>> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Number of a quantity such as `64Mi`; undefined when it is none. */
export function parseQuantity(text: string): number | undefined {
  if (!QUANTITY.test(text)) return undefined;
  return Number.parseInt(text, 10) * (POWER[text.slice(-2)] ?? 1);
}

const whole = (): z.ZodMiniNumber =>
  z
    .number()
    .check(z.int({ error: 'must be a whole number' }), z.minimum(1, { error: 'must be 1 or more' })) as z.ZodMiniNumber;

function limitSchema(name: LimitName): z.ZodMiniOptional<z.ZodMiniType<number | string>> {
  const text = name.endsWith('Ms')
    ? z
        .string()
        .check(
          z.regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/, { error: 'must be milliseconds, or a duration such as 30s' }),
        )
    : z.string().check(z.regex(QUANTITY, { error: 'must be a whole number, or one with Ki, Mi or Gi' }));
  const schema: z.ZodMiniType<number | string> =
    name.endsWith('Ms') || name.endsWith('Bytes')
      ? z.union([whole(), text], { error: 'must be a whole number of 1 or more, or text with a unit' })
      : whole();
  return z.optional(about(schema, HELP[name], { default: written(name, DEFAULT_LIMITS[name]) }));
}

/** A default as a person would write it. */
function written(name: LimitName, value: number): number | string {
  if (name.endsWith('Ms')) return durationText(value);
  const unit = name.endsWith('Bytes')
    ? Object.keys(POWER).findLast((key) => value % (POWER[key] ?? 1) === 0)
    : undefined;
  return unit === undefined ? value : `${value / (POWER[unit] ?? 1)}${unit}`;
}

const names = Object.keys(DEFAULT_LIMITS) as LimitName[];

/** `limits` of the AgentConfiguration: every bound by its name. */
export const limitsSchema = () =>
  z.strictObject(
    Object.fromEntries(names.map((name) => [name, limitSchema(name)])) as Record<
      LimitName,
      z.ZodMiniOptional<z.ZodMiniType<number | string>>
    >,
  );
