import type { Bucket, ExternalArtifact, GitRepository, OCIRepository } from '../../src/flux/index.ts';
import { Fault, type FetchOutcome, type SourceRevision } from '../../src/model/index.ts';
import type { PartialContent, Partials } from '../../src/ports/index.ts';
import {
  checkSuccession,
  choiceFor,
  layoutWire,
  listManifests,
  openLayout,
  takeBucket,
  takeExternal,
  takeGit,
} from '../../src/source/bundle/index.ts';
import { type SourceRequest, verifierOf } from '../../src/source/index.ts';
import { createMedium } from '../adapters/medium/index.ts';
import type { BroughtPart } from '../loop/env.ts';
import type { FetchJob } from './fetch-job.ts';
import { bundleTime } from './in-time.ts';
import type { WorkPorts } from './jobs.ts';

/** Content of a source that lies in a file, in place of a fetch. */
export interface BundleJob extends FetchJob {
  readonly part: BroughtPart;
  /** What the source has, of the same place; `have` is absent besides while the disk is damaged. */
  readonly known: SourceRevision | undefined;
}

/** Takes the content of a source from a file. What it found is durable, and no pointer names it yet. */
export async function bundleJob(job: BundleJob, ports: WorkPorts, signal: AbortSignal): Promise<FetchOutcome> {
  const { source, part } = job;
  const file = await createMedium().open(part.reads ?? part.path, ports.limits.bundleFiles);
  try {
    if (source.kind === 'GitRepository' && part.form === 'git')
      return await gitJob({ ...job, source }, ports, { file, signal });
    if (source.kind === 'OCIRepository' && part.form === 'oci')
      return await ociJob({ ...job, source }, ports, { file, signal });
    if (source.kind === 'Bucket' && (part.form === 'archive') === (part.listing === undefined))
      return await bucketJob({ ...job, source }, ports, { file, signal });
    if (source.kind === 'ExternalArtifact' && part.form === 'archive')
      return await externalJob({ ...job, source }, ports, { file, signal });
    throw new Fault('bundle-unreadable', `a ${source.kind} is not taken from this form of file (${part.form})`);
  } finally {
    await file.close();
  }
}

interface Opened {
  readonly file: Awaited<ReturnType<ReturnType<typeof createMedium>['open']>>;
  readonly signal: AbortSignal;
}

function gitJob(
  job: BundleJob & { readonly source: GitRepository },
  ports: WorkPorts,
  { file, signal }: Opened,
): Promise<FetchOutcome> {
  const { cache, clock, log, limits, pgp } = ports;
  const { source, data, have, known, includes, part } = job;
  const { spec, meta } = source;
  const verify = verifierOf(source, data, { store: cache.store, have, now: clock.now(), pgp });
  const request: SourceRequest = {
    url: spec.url,
    ref: spec.ref,
    tenant: meta.namespace,
    sparseCheckout: spec.sparseCheckout,
    timeoutMs: bundleTime(limits),
    recurseSubmodules: spec.recurseSubmodules,
    includes,
    ...(spec.ignore === undefined ? {} : { ignore: spec.ignore }),
    ...(have === undefined ? {} : { have }),
    ...(verify === undefined ? {} : { verify }),
  };
  const previous = cache.sources.get(`GitRepository/${meta.namespace}/${meta.name}`)?.previous ?? [];
  return takeGit(
    { store: cache.store, clock, log },
    request,
    { limits, signal },
    { file, span: part.span, known, previous },
  );
}

/** An OCI layout answers in the place of the registry: no login, no network, and the same checks. */
async function ociJob(
  job: BundleJob & { readonly source: OCIRepository },
  ports: WorkPorts,
  { file, signal }: Opened,
): Promise<FetchOutcome> {
  const { cache, clock, log, limits } = ports;
  const { source, data, have, known, part } = job;
  const layout = await openLayout(file, limits);
  if (layout === undefined) throw new Fault('bundle-unreadable', `${part.path} is no OCI image layout`);
  const { fetchOci, ociRequestOf } = await import('../../src/source/oci/index.ts');
  const { secretRef: _s, certSecretRef: _c, proxySecretRef: _p, serviceAccountName: _a, ...spec } = source.spec;
  const request = { ...ociRequestOf({ ...source, spec }, data, have), timeoutMs: bundleTime(limits) };
  const key = `OCIRepository/${source.meta.namespace}/${source.meta.name}`;
  const { listed, lacks } = choiceFor(await listManifests(layout), key);
  const wire = layoutWire(layout, listed, lacks);
  const spool = spoolOf(cache.partials);
  const effects = { wire, store: cache.store, partials: spool.partials, clock, log };
  const outcome = await fetchOci(effects, request, { limits, signal })
    .catch((error: unknown) => {
      throw ofFile(error);
    })
    .finally(spool.clear);
  const previous = cache.sources.get(key)?.previous ?? [];
  if (outcome.kind === 'fetched') await checkSuccession(outcome.content, { have: known, previous }, spec.ref);
  return outcome;
}

/** No server, no login: only what the object says of its content counts. */
function bucketJob(
  job: BundleJob & { readonly source: Bucket },
  { cache, limits }: WorkPorts,
  { file, signal }: Opened,
): Promise<FetchOutcome> {
  const { source, have, known, part } = job;
  const { spec, meta } = source;
  const { provider, endpoint, prefix, ignore } = spec;
  const place = { provider, endpoint, bucket: spec.bucketName, prefix, tenant: meta.namespace };
  const request = {
    ...place,
    ...(ignore === undefined ? {} : { ignore }),
    ...(have === undefined ? {} : { have }),
  };
  const previous = cache.sources.get(`Bucket/${meta.namespace}/${meta.name}`)?.previous ?? [];
  const brought = { file, span: part.span, listing: part.listing, known, previous };
  return takeBucket({ store: cache.store }, request, { limits, signal }, brought);
}

async function externalJob(
  { source, have, part }: BundleJob & { readonly source: ExternalArtifact },
  { cache, clock, log, limits }: WorkPorts,
  { file, signal }: Opened,
): Promise<FetchOutcome> {
  const { externalRequestOf } = await import('../../src/source/external/index.ts');
  const request = { ...externalRequestOf(source, have), timeoutMs: bundleTime(limits) };
  const previous = cache.sources.get(`ExternalArtifact/${request.name}`)?.previous ?? [];
  const spool = spoolOf(cache.partials);
  const effects = { store: cache.store, partials: spool.partials, clock, log };
  return takeExternal(effects, request, { limits, signal }, { file, span: part.span, previous })
    .catch((error: unknown) => {
      throw ofFile(error);
    })
    .finally(spool.clear);
}

/**
 * Room for layers on their way from a file, beside what a transfer from the registry has kept to go on with: that was paid
 * for. Nothing of it stays, because the file has it.
 */
function spoolOf(partials: Partials): { readonly partials: Partials; readonly clear: () => Promise<void> } {
  const opened: PartialContent[] = [];
  return {
    partials: {
      open: async (owner, goal) => {
        const content = await partials.open(`a file for ${owner}`, goal);
        opened.push(content);
        return content;
      },
    },
    clear: async () => {
      for (const content of opened) await content.drop().catch(() => undefined);
    },
  };
}

/** No server has spoken: what is wrong with its answers is wrong with the file. */
function ofFile(error: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  const { code, message } = error;
  if (code === 'wire-protocol') return new Fault('bundle-unreadable', message, { cause: error });
  if (code === 'wire-cut' || code === 'source-corrupt') return new Fault('bundle-damaged', message, { cause: error });
  return error;
}
