import { hostname } from 'node:os';
import { asFault, type Limits } from '../src/model/index.ts';
import type { ContentReader, Log } from '../src/ports/index.ts';
import { ARCHIVE_FORMAT, artifactOf } from '../src/source/index.ts';
import { type ArtifactView, parseAddress, type Serving, serveArtifacts } from './http/index.ts';
import { artifactPath, latestPath } from './loop/artifact.ts';
import type { Artifacts, Records } from './loop/env.ts';

/** As configured. */
export interface ArtifactOptions {
  readonly listen: string;
  /** Base of the URLs, without a slash at the end; '' for that of the address. */
  readonly advertise: string;
}

export interface ArtifactPorts {
  readonly records: Records;
  readonly store: ContentReader;
  readonly log: Log;
  readonly limits: Limits;
  /** An artifact is to be announced anew. */
  readonly renew: (key: string) => void;
}

/** Archives of one Node on one kind of machine are the same; another zlib, or another processor's, may write others. */
const MAKER = `${ARCHIVE_FORMAT} zlib-${process.versions.zlib} ${process.arch}`;

const ANY_PORT = '127.0.0.1:0';

/** Serves the artifacts of sources. */
export async function startArtifacts(
  { listen, advertise }: ArtifactOptions = { listen: ANY_PORT, advertise: '' },
  ports: ArtifactPorts,
): Promise<Artifacts & { readonly serving: Serving }> {
  const serving = await serveOn(listen, ports);
  return { base: advertise === '' ? baseOf(serving.address) : advertise, maker: MAKER, serving };
}

/** An address that is taken must not keep the agent from its work: it takes another one, and says so. */
async function serveOn(listen: string, ports: ArtifactPorts): Promise<Serving> {
  const { log, limits } = ports;
  const options = { view: { find: (path: string) => find(path, ports) }, log, limits };
  try {
    return await serveArtifacts({ ...options, listen });
  } catch (error) {
    const serving = await serveArtifacts({ ...options, listen: ANY_PORT });
    log.error('artifacts are served at another address', {
      artifacts: serving.address,
      error: `artifacts.${asFault(error).message}`,
    });
    return serving;
  }
}

/** The URL of an address; of every address, that of this machine by its name. */
function baseOf(listen: string): string {
  const address = parseAddress(listen);
  if (address.kind === 'unix') return '';
  const { host, port } = address;
  const name = host === '' || host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Only what was told of is found: a path is compared, and leads nowhere by itself. */
function find(path: string, { records, store, renew }: ArtifactPorts): ReturnType<ArtifactView['find']> {
  for (const [key, notes] of records.allArtifacts()) {
    const own = notes.filter((one) => one.maker === MAKER);
    const note = latestPath(key) === path ? own[0] : own.find((one) => artifactPath(key, one.revision) === path);
    if (note === undefined || !store.has(note.root)) continue;
    const { digest, size } = note;
    const stale = (): void => {
      const left = notes.filter((one) => one !== note);
      void records.noteArtifacts(key, left).then(
        () => renew(key),
        () => undefined,
      );
    };
    return {
      digest,
      size,
      open: () => artifactOf(store, note),
      stale,
    };
  }
  return undefined;
}
