import { type Digest, Fault, type FetchOutcome, isOfLink, type SourceRevision } from '../../model/index.ts';
import type { ContentReader, ContentWriter, PartialContent } from '../../ports/index.ts';
import { specId } from '../ignore/index.ts';
import { isWhole } from '../stored-tree.ts';
import { storePieces, unpack } from '../unpack/index.ts';
import { bringBlob } from './blob.ts';
import { during, PHASES } from './faults.ts';
import type { Descriptor, OciManifest } from './manifest.ts';
import type { OciOptions, OciPorts, OciRequest, OciSession } from './request.ts';
import { type Found, findManifest, manifestAlias, resolve, type Target } from './resolve.ts';
import { applyRules, withoutRules } from './ruled.ts';
import { beginSession } from './session.ts';
import { type Proven, prove, signaturesAlias } from './verified.ts';

/**
 * Looks at an OCI repository and brings what is new into the store. One HEAD when nothing changed, no request for a
 * digest that is here; no layer is transferred whose content is here, whatever the manifest says besides. Faults with
 * Flux's reasons and words; of a fetch that fails only a transfer that was cut is kept, to go on with.
 */
export async function fetchOci(ports: OciPorts, request: OciRequest, options: OciOptions): Promise<FetchOutcome> {
  const session = beginSession(ports, request, options);
  const target = await resolve(session);
  options.onRevision?.(target.revision);
  const found = await findManifest(session, target);
  // Nothing of an artifact is followed before its signature holds.
  const proven = await prove(session, target, found);
  const chosen = { target, found, layer: chosenLayer(request, found.manifest), proven };
  const content = fromStore(session, chosen) ?? (await bring(session, chosen));
  const { have } = request;
  const count = session.spent();
  if (have !== undefined && sameRevision(have, content))
    return { kind: 'unchanged', revision: content.revision, count };
  return { kind: 'fetched', content, count };
}

/** What is to be here in the end. */
interface Chosen {
  readonly target: Target;
  readonly found: Found;
  readonly layer: Descriptor;
  readonly proven: Proven | undefined;
}

/** The layer that `layerSelector` names. Fault `source-refused` where there is none. */
export function chosenLayer({ layer: { mediaType } }: Pick<OciRequest, 'layer'>, { layers }: OciManifest): Descriptor {
  const layer = mediaType === undefined ? layers[0] : layers.find((one) => one.mediaType === mediaType);
  if (layer !== undefined) return layer;
  const text =
    layers.length === 0
      ? 'no layers found in artifact'
      : `failed to find layer with media type '${mediaType ?? ''}' in artifact`;
  throw new Fault('source-refused', text, { reason: PHASES.extract.reason });
}

/**
 * Aliases of stored content, each within the scope of a repository and tenant (scope.ts): a layer unpacked, with the
 * entries hidden that these rules hide, or under the last rules; and a layer as it is.
 */
const rootAlias = (layer: Digest, rules: string): string => `layer:${layer}#${rules}`;
const lastAlias = (layer: Digest): string => `layer:${layer}`;
const piecesAlias = (layer: Digest): string => `pieces:${layer}`;

/** Names the rules; a layer that is kept as it is has none. */
function rulesOf({ layer, ignore }: OciRequest): string {
  return layer.operation === 'copy' ? 'copy' : specId(ignore, []);
}

/** The revision, when all of it is here. */
function fromStore(session: OciSession, chosen: Chosen): SourceRevision | undefined {
  const { ports, request } = session;
  const { store } = ports;
  const { layer, found, proven } = chosen;
  const root = whole(session, store, rootAlias(layer.digest, rulesOf(request)));
  const copy = request.layer.operation === 'copy';
  const archive = copy ? whole(session, store, piecesAlias(layer.digest)) : undefined;
  const manifests = found.served.every(
    ({ digest }) => store.byAlias(manifestAlias(digest)) === digest && store.has(digest),
  );
  if (root === undefined || !manifests || (copy && archive === undefined)) return undefined;
  // Signatures that are new are to be written.
  if (proven?.proof !== undefined) return undefined;
  return revisionOf(chosen, root, archive);
}

/** The folder of an alias, if everything below it is here; what the revision before names needs no look. */
function whole(
  { request }: OciSession,
  reader: Pick<ContentReader, 'byAlias' | 'has' | 'folder' | 'get'>,
  alias: string,
): Digest | undefined {
  const root = reader.byAlias(alias);
  const { have } = request;
  if (root === undefined) return undefined;
  if (have !== undefined && (have.root === root || have.archive === root)) return root;
  return isWhole(reader, root, { read: have === undefined }) ? root : undefined;
}

async function bring(session: OciSession, chosen: Chosen): Promise<SourceRevision> {
  const writer = await session.ports.store.writer();
  let layer: PartialContent | undefined;
  const layerBytes = async (): Promise<PartialContent> => {
    layer ??= await during(PHASES[session.request.layer.operation], () => bringBlob(session, chosen.layer));
    return layer;
  };
  try {
    const root = await rootOf(session, chosen, { writer, layerBytes });
    const archive =
      session.request.layer.operation === 'copy' ? await archiveOf(session, chosen, { writer, layerBytes }) : undefined;
    for (const { digest, bytes } of chosen.found.served) writer.put(bytes, manifestAlias(digest));
    const proof = chosen.proven?.proof;
    if (proof !== undefined) writer.put(proof, signaturesAlias(chosen.target.digest));
    await writer.commit();
    await layer?.drop();
    return revisionOf(chosen, root, archive);
  } catch (error) {
    await writer.discard();
    // A layer that is whole and cannot be used is kept: the next attempt must not pay for it again.
    const worthless = error instanceof Fault && error.code === 'source-corrupt';
    await (worthless ? layer?.drop() : layer?.keep().catch(() => undefined));
    // Nor for its signatures, where the link is to blame.
    if (error instanceof Fault && isOfLink(error.code)) await keepProof(session, chosen).catch(() => undefined);
    throw error;
  }
}

async function keepProof({ ports }: OciSession, { proven, target }: Chosen): Promise<void> {
  if (proven?.proof === undefined) return;
  const writer = await ports.store.writer();
  writer.put(proven.proof, signaturesAlias(target.digest));
  await writer.commit();
}

interface Bringing {
  readonly writer: ContentWriter;
  /** The layer, brought when it is first asked for. */
  readonly layerBytes: () => Promise<PartialContent>;
}

/** The unpacked layer under the rules: from what is here under other rules, else from the registry. */
async function rootOf(session: OciSession, chosen: Chosen, { writer, layerBytes }: Bringing): Promise<Digest> {
  const { request, limits } = session;
  const { layer } = chosen;
  const loose = request.layer.operation === 'copy';
  const alias = rootAlias(layer.digest, rulesOf(request));
  const raw =
    whole(session, writer, lastAlias(layer.digest)) ??
    (await during(PHASES[request.layer.operation], async () =>
      unpack({ content: await layerBytes(), digest: layer.digest }, writer, { limits, loose, what: 'layer' }),
    ));
  if (raw === undefined) return writer.putFolder([], alias);
  const root = loose
    ? withoutRules(writer, raw, alias)
    : await applyRules(writer, raw, { spec: request.ignore, alias, limits });
  writer.putFolder(writer.folder(root), lastAlias(layer.digest));
  return root;
}

async function archiveOf(session: OciSession, { layer }: Chosen, { writer, layerBytes }: Bringing): Promise<Digest> {
  const alias = piecesAlias(layer.digest);
  const stored = whole(session, writer, alias);
  if (stored !== undefined) return stored;
  return during(PHASES.copy, async () =>
    storePieces({ content: await layerBytes(), digest: layer.digest }, writer, alias),
  );
}

function revisionOf({ target, found, proven }: Chosen, root: Digest, archive: Digest | undefined): SourceRevision {
  return {
    revision: target.revision,
    root,
    metadata: found.manifest.annotations,
    keep: [...found.served.map(({ digest }) => digest), ...(proven?.keep ?? [])],
    ...(archive === undefined ? {} : { archive }),
    ...(proven === undefined ? {} : { verified: proven.verified }),
  };
}

function sameRevision(a: SourceRevision, b: SourceRevision): boolean {
  const same = a.revision === b.revision && a.root === b.root && a.archive === b.archive;
  return same && a.keep.join() === b.keep.join() && a.verified?.key === b.verified?.key;
}
