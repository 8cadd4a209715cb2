import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { PASSWORD, type Registry, USER } from './registry.ts';

export interface LayerToPush {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Name of the file, without which oras leaves a layer alone. */
  readonly title?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ArtifactOptions {
  readonly name: string;
  readonly tag?: string;
  readonly layers: readonly LayerToPush[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly config?: { readonly mediaType: string; readonly bytes: Uint8Array };
  /** Docker's schema 2 instead of OCI. */
  readonly docker?: boolean;
  readonly artifactType?: string;
  /** What it says something of. */
  readonly subject?: { readonly digest: string; readonly size: number };
}

export interface Pushed {
  readonly digest: string;
  readonly layers: readonly string[];
  readonly size: number;
}

/** Puts artifacts into a registry, as `flux push artifact` and `helm push` make them, and any others. */
export interface Pusher {
  artifact(options: ArtifactOptions): Promise<Pushed>;
  /** Any bytes as a manifest. */
  manifest(name: string, reference: string, mediaType: string, bytes: Uint8Array): Promise<string>;
  blob(name: string, bytes: Uint8Array): Promise<string>;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** As `flux push artifact` of version 2 writes one: annotations on the manifest, a config of an image. */
export function fluxArtifact(
  options: Pick<ArtifactOptions, 'name' | 'tag'> & {
    readonly content: Uint8Array;
    readonly revision?: string;
  },
): ArtifactOptions {
  const { content, revision = 'main@sha1:0000000000000000000000000000000000000001', ...rest } = options;
  const config = {
    architecture: '',
    created: '2026-01-01T00:00:00Z',
    os: '',
    rootfs: { type: 'layers', diff_ids: [] },
    config: {},
  };
  return {
    ...rest,
    config: { mediaType: 'application/vnd.cncf.flux.config.v1+json', bytes: Buffer.from(JSON.stringify(config)) },
    layers: [{ mediaType: 'application/vnd.cncf.flux.content.v1.tar+gzip', bytes: content }],
    annotations: {
      'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
      'org.opencontainers.image.revision': revision,
      'org.opencontainers.image.source': 'https://example.com/app.git',
    },
  };
}

/** As `helm push` of version 3 writes one; the tag has _ for + of the version. */
export function helmChart(options: {
  readonly name: string;
  readonly version: string;
  readonly chart: Uint8Array;
}): ArtifactOptions {
  const { name, version, chart } = options;
  const config = { name: name.split('/').at(-1), version, apiVersion: 'v2' };
  return {
    name,
    tag: version.replaceAll('+', '_'),
    config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', bytes: Buffer.from(JSON.stringify(config)) },
    layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', bytes: chart }],
    annotations: { 'org.opencontainers.image.title': String(config.name), 'org.opencontainers.image.version': version },
  };
}

export function pusher(registry: Pick<Registry, 'host' | 'ca'>, auth: 'none' | 'basic' = 'none'): Pusher {
  const send = sender(registry, auth);
  const blob = async (name: string, bytes: Uint8Array): Promise<string> => {
    const digest = digestOf(bytes);
    const begun = await send('POST', `/v2/${name}/blobs/uploads/`);
    const place = new URL(begun.headers.location ?? '', `http://${registry.host}`);
    place.searchParams.set('digest', digest);
    await send('PUT', `${place.pathname}${place.search}`, { bytes, type: 'application/octet-stream' });
    return digest;
  };
  const manifest: Pusher['manifest'] = async (name, reference, type, bytes) => {
    await send('PUT', `/v2/${name}/manifests/${reference}`, { bytes, type });
    return digestOf(bytes);
  };
  return {
    blob,
    manifest,
    artifact: async (options) => {
      const { name, tag, layers, annotations, artifactType, subject } = options;
      const config = options.config ?? { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };
      const sent = new Map<string, Promise<string>>();
      const once = (bytes: Uint8Array): Promise<string> => {
        const sending = sent.get(digestOf(bytes)) ?? blob(name, bytes);
        sent.set(digestOf(bytes), sending);
        return sending;
      };
      const describe = async ({ mediaType, bytes, title, annotations: more }: LayerToPush) => ({
        mediaType,
        digest: await once(bytes),
        size: bytes.length,
        ...(title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': title } }),
        ...(more === undefined ? {} : { annotations: more }),
      });
      const described = [];
      for (const layer of layers) described.push(await describe(layer));
      const mediaType = options.docker === true ? DOCKER : MANIFEST;
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          artifactType,
          config: await describe(config),
          layers: described,
          subject: subject === undefined ? undefined : { mediaType: MANIFEST, ...subject },
          annotations,
        }),
      );
      const digest = await manifest(name, tag ?? digestOf(bytes), mediaType, bytes);
      return { digest, layers: described.map((layer) => layer.digest), size: bytes.length };
    },
  };
}

type Send = (
  method: string,
  path: string,
  body?: { readonly bytes: Uint8Array; readonly type: string },
) => Promise<IncomingMessage>;

function sender({ host, ca }: Pick<Registry, 'host' | 'ca'>, auth: 'none' | 'basic'): Send {
  const [hostname, port] = host.split(':');
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(auth === 'basic' ? { authorization } : {}),
        'content-length': body?.bytes.length ?? 0,
        ...(body === undefined ? {} : { 'content-type': body.type }),
      };
      const target = { hostname, port, path, method, headers };
      const sent = ca === '' ? httpRequest(target) : httpsRequest({ ...target, ca });
      sent.once('error', reject);
      sent.once('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve(response);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${Buffer.concat(parts).toString()}`));
        });
      });
      sent.end(body?.bytes);
    });
}
