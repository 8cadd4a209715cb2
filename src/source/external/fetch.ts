import type { ExternalArtifactNote } from '../../flux/index.ts';
import {
  type Digest,
  Fault,
  type FetchOutcome,
  isDigest,
  type Limits,
  NO_TRAFFIC,
  reworded,
  type SourceRevision,
  type WireCount,
} from '../../model/index.ts';
import type { Clock, ContentStore, Log, PartialContent, Partials, Wire, WireResponse } from '../../ports/index.ts';
import { bounded, mediaTypeOf, retryAfter } from '../answers.ts';
import { type Attempt, beginAttempt, wireLimits } from '../attempt.ts';
import { bringFile } from '../transfer.ts';
import { unpack } from '../unpack/index.ts';

/** All that a fetch of an ExternalArtifact depends on. */
export interface ExternalRequest {
  /** What the object's status says now. */
  readonly artifact: ExternalArtifactNote | undefined;
  /** `namespace/name`, for messages. */
  readonly name: string;
  readonly timeoutMs: number;
  /** The revision that is here and whole. Leave it out after damage was found. */
  readonly have?: SourceRevision;
}

export interface ExternalPorts {
  readonly wire: Wire;
  readonly store: ContentStore;
  readonly partials: Partials;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ExternalOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** Told of the exchange when it ends, so that bytes of fetches that fail are counted too. */
  readonly onExchange?: (count: WireCount) => void;
  /** Told when something of the content has been kept for good: should this attempt fail, the next goes on from there. */
  readonly onKept?: () => void;
  /** Told before the transfer how many bytes are to come, where the object's status says. */
  readonly onSize?: (bytes: number) => void;
}

/** As kustomize-controller has it when an artifact cannot be had. */
const REASON = 'ArtifactFailed';

/**
 * Brings the archive that an ExternalArtifact names. No request when its digest is that of the revision that is here.
 * Nothing is kept of an archive whose digest is not the one that was named, over the whole of the file; of a transfer
 * that is cut, what came is kept to go on with.
 */
export async function fetchExternal(
  ports: ExternalPorts,
  request: ExternalRequest,
  options: ExternalOptions,
): Promise<FetchOutcome> {
  const artifact = checked(request);
  const { have } = request;
  const { digest, revision } = artifact;
  if (have !== undefined && have.metadata['digest'] === digest && ports.store.has(have.root)) {
    if (have.revision === revision) return { kind: 'unchanged', revision, count: NO_TRAFFIC };
    return { kind: 'fetched', content: { ...have, revision }, count: NO_TRAFFIC };
  }
  const lead = `failed to download artifact of ExternalArtifact/${request.name}: `;
  try {
    return await download(ports, { ...request, artifact }, options);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw reworded(error, { message: lead + error.message, reason: REASON });
  }
}

/** An artifact whose digest is one. */
type Proven = ExternalArtifactNote & { readonly digest: Digest };

function checked({ artifact, name }: ExternalRequest): Proven {
  if (artifact === undefined)
    throw new Fault('source-not-ready', `ExternalArtifact/${name} has no artifact yet: look at what makes it`);
  const wrong = (what: string): Fault =>
    new Fault('source-refused', `ExternalArtifact/${name}: status.artifact.${what}`, { reason: REASON });
  const { digest } = artifact;
  if (!isDigest(digest)) throw wrong('digest is not sha256: and 64 hex digits');
  if (!URL.canParse(artifact.url) || !/^https?:\/\//.test(artifact.url)) throw wrong('url is not an address of http');
  const { username, password } = new URL(artifact.url);
  if (username !== '' || password !== '') throw wrong('url holds credentials');
  return { ...artifact, digest };
}

interface Named extends ExternalRequest {
  readonly artifact: Proven;
}

/**
 * Brings the archive as it is, whole and proven by its digest, without unpacking it: who asked drops it in the end. Faults
 * as of `fetchExternal`.
 */
export function bringArchive(
  ports: Pick<ExternalPorts, 'wire' | 'partials' | 'clock' | 'log'>,
  request: ExternalRequest,
  options: ExternalOptions,
): Promise<PartialContent> {
  const attempt = beginAttempt(ports.clock, request.timeoutMs, options.onExchange);
  return bring(ports, { ...request, artifact: checked(request) }, { ...options, attempt });
}

function bring(
  ports: Pick<ExternalPorts, 'wire' | 'partials' | 'clock' | 'log'>,
  { artifact, name }: Named,
  { limits, signal, onSize, onKept, attempt }: ExternalOptions & { readonly attempt: Attempt },
): Promise<PartialContent> {
  return bringFile(
    { ...ports, attempt, limits, signal, onSize, onKept },
    {
      owner: `ExternalArtifact/${name}`,
      digest: artifact.digest,
      size: artifact.size,
      what: 'archive',
      name: () => `GET ${artifact.url}`,
      ask: (headers, maxBytes) => ask({ ports, artifact, attempt, limits, signal }, headers, maxBytes),
    },
  );
}

async function download(ports: ExternalPorts, request: Named, options: ExternalOptions): Promise<FetchOutcome> {
  const { artifact, timeoutMs } = request;
  const { limits } = options;
  const attempt = beginAttempt(ports.clock, timeoutMs, options.onExchange);
  const content = await bring(ports, request, { ...options, attempt });
  const writer = await ports.store.writer();
  try {
    const received = { content, digest: artifact.digest };
    const root = await unpack(received, writer, { limits, wholeFiles: true, what: 'archive' });
    if (root === undefined) throw new Fault('internal', 'an archive without a root');
    await writer.commit();
    await content.drop();
    const revision = { revision: artifact.revision, root, metadata: { digest: artifact.digest }, keep: [] };
    return { kind: 'fetched', content: revision, count: attempt.spent() };
  } catch (error) {
    await writer.discard();
    // One that is whole and cannot be used is kept: the next attempt must not pay for it again.
    const worthless = error instanceof Fault && error.code === 'source-corrupt';
    await (worthless ? content.drop() : content.keep().catch(() => undefined));
    throw error;
  }
}

interface Asking {
  readonly ports: Pick<ExternalPorts, 'wire' | 'clock'>;
  readonly artifact: ExternalArtifactNote;
  readonly attempt: Attempt;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
}

async function ask(
  { ports, artifact, attempt, limits, signal }: Asking,
  headers: Readonly<Record<string, string>>,
  maxBytes: number,
): Promise<WireResponse> {
  const response = await ports.wire.send({
    method: 'GET',
    url: artifact.url,
    headers: { ...headers, 'user-agent': 'holdfast' },
    limits: wireLimits(attempt, maxBytes, limits),
    ...(signal === undefined ? {} : { signal }),
  });
  const fault = headFault(response, ports.clock.now());
  if (fault === undefined) return { ...response, body: bounded(response.body, 'artifactBytes') };
  response.close();
  attempt.spend(response.count());
  throw fault;
}

function headFault({ status, headers }: WireResponse, now: number): Fault | undefined {
  if (status === 416) return undefined;
  if (status === 200 || status === 206)
    return mediaTypeOf(headers['content-type']) === 'text/html'
      ? new Fault('wire-protocol', 'the answer is a page for people, not an archive (a login page in between?)')
      : undefined;
  if (status === 401 || status === 403) return new Fault('source-auth', `the server answers with status ${status}`);
  if (status === 404 || status === 410)
    return new Fault('source-not-found', `the archive is not there any more, status: ${status}`);
  if (status === 429 || status >= 500)
    return new Fault(status === 429 ? 'wire-throttled' : 'wire-server', `the server answers with status ${status}`, {
      retryAfterMs: retryAfter(headers['retry-after'], now),
    });
  return new Fault('wire-protocol', `unexpected status: ${status}`);
}
