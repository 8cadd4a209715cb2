import { Fault } from '../../src/model/index.ts';

/** Where to listen or to ask. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** What the kernel takes for a socket's path, without its closing zero. */
const MAX_SOCKET_PATH = 107;

/**
 * Reads `host:port`, `[v6]:port`, `:port` (every interface) or a path (`/…`, `./…` or `unix:…`). Fault `config-invalid`
 * when it is none of these.
 */
export function parseAddress(listen: string): Address {
  const path = listen.startsWith('unix:') ? listen.slice(5) : listen;
  if (path !== listen || path.startsWith('/') || path.startsWith('./')) {
    const bytes = Buffer.byteLength(path);
    if (bytes === 0 || bytes > MAX_SOCKET_PATH)
      throw new Fault(
        'config-invalid',
        `listen: a socket's path has 1 to ${MAX_SOCKET_PATH} bytes, this one ${bytes}: ${path}`,
      );
    return { kind: 'unix', path };
  }
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(listen);
  const port = Number(parts?.[3] ?? -1);
  if (parts === null || port > 65_535)
    throw new Fault(
      'config-invalid',
      `listen: "${listen}" is not host:port (such as 127.0.0.1:8080) or a socket's path.`,
    );
  return { kind: 'tcp', host: parts[1] ?? parts[2] ?? '', port };
}

/** As `parseAddress` reads it. */
export function addressText(address: Address): string {
  if (address.kind === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
