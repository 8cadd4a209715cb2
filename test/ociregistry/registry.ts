import { rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { createPart, whenReady } from '../controlplane/part.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';
import { requireOci } from './parts.ts';
import type { TokenServer } from './tokens.ts';

export const USER = 'robot';
export const PASSWORD = 'correct horse';
/** bcrypt of the password, at the lowest cost. */
const HTPASSWD = `${USER}:$2a$04$YpY6Brx.1nO7B9rRqPx19uSlQFwoMCpmRDNMJ13WgxHllU7Le0iw6\n`;

export interface RegistryOptions {
  /** Wants user and password. */
  readonly basic?: boolean;
  readonly tls?: boolean;
  /** Wants tokens of this server. */
  readonly token?: TokenServer;
}

/** A real registry (distribution) on loopback, with an empty folder of its own. */
export interface Registry {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** PEM of the authority of its certificate; '' without TLS. */
  readonly ca: string;
  /** Its folder of blobs, tags and so on. */
  readonly dir: string;
  /** Where a blob lies, to damage it. */
  blobFile(digest: string): string;
  /** Takes a tag away. */
  dropTag(name: string, tag: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { registry: binary } = await requireOci(['registry']);
  const temp = await tempDir('registry');
  const [port = 0] = await freePorts(1);
  const authority = options.tls === true ? createAuthority('registry-test') : undefined;
  const storage = join(temp.path, 'data');
  const config = await configOf(options, { dir: temp.path, storage, port, authority });
  await writeFile(join(temp.path, 'config.yml'), JSON.stringify(config));
  const leash = startLeash(temp.path);
  const part = createPart({
    binary,
    args: ['serve', join(temp.path, 'config.yml')],
    cwd: temp.path,
    changed: () => leash.hold([part.pid() ?? []].flat()),
  });
  part.start();
  await whenReady(part, 'registry', () => answers(port, authority?.certPem));
  const v2 = join(storage, 'docker/registry/v2');
  return {
    port,
    host: `127.0.0.1:${port}`,
    ca: authority?.certPem ?? '',
    dir: v2,
    blobFile: (digest) => {
      const hex = digest.replace('sha256:', '');
      return join(v2, 'blobs/sha256', hex.slice(0, 2), hex, 'data');
    },
    dropTag: (name, tag) =>
      rm(join(v2, 'repositories', name, '_manifests/tags', tag), { recursive: true, force: true }),
    stop: async () => {
      await part.kill();
      await leash.release();
    },
  };
}

interface Layout {
  readonly dir: string;
  readonly storage: string;
  readonly port: number;
  readonly authority: Authority | undefined;
}

async function configOf(options: RegistryOptions, { dir, storage, port, authority }: Layout): Promise<object> {
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const own = authority?.issue({ name: 'registry', hosts: ['127.0.0.1', 'localhost'] });
  const tls =
    own === undefined
      ? {}
      : { tls: { certificate: await put('tls.crt', own.certPem), key: await put('tls.key', own.keyPem) } };
  const auth =
    options.basic === true
      ? { auth: { htpasswd: { realm: 'test', path: await put('htpasswd', HTPASSWD) } } }
      : options.token === undefined
        ? {}
        : {
            auth: {
              token: {
                realm: options.token.realm,
                service: options.token.service,
                issuer: options.token.issuer,
                rootcertbundle: await put('tokens.crt', options.token.certPem),
              },
            },
          };
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'test', ...tls },
    ...auth,
  };
}

function answers(port: number, ca: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const target = { host: '127.0.0.1', port, path: '/v2/', agent: false as const };
    const sent = ca === undefined ? httpRequest(target) : httpsRequest({ ...target, ca });
    sent.once('response', (response) => {
      response.resume();
      resolve(true);
    });
    sent.once('error', () => resolve(false));
    sent.end();
  });
}
