import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { BESIDE } from './beside.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const module = (...parts: string[]): string => join(root, 'node_modules', ...parts);

/**
 * Packages that client-node loads at once but that only few kubeconfigs need (proxies, OIDC, the old cloud plugins),
 * with the names it uses. Each becomes getters that load the real package at first use.
 */
const LAZY: Readonly<Record<string, readonly string[]>> = {
  socks: ['SocksClient'],
  'socks-proxy-agent': ['SocksProxyAgent'],
  hpagent: ['HttpProxyAgent', 'HttpsProxyAgent'],
  'jsonpath-plus': ['JSONPath'],
  'openid-client': ['discovery', 'refreshTokenGrant', 'customFetch', 'None'],
};

/** Only the kubeconfig reader of client-node is used; what it imports for its own API client is left out (21 MiB of memory). */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  undici: ['Agent', 'ProxyAgent', 'fetch'],
  gen: ['createConfiguration', 'ServerConfiguration'],
};

const lazySource = (name: string, names: readonly string[]): string =>
  `module.exports = {${names.map((n) => `get ${n}() { return require(${JSON.stringify(name)}).${n}; }`).join(',')}};`;

const refusedSource = (name: string, names: readonly string[]): string =>
  `function no() { throw new Error(${JSON.stringify(`client-node's own HTTP client (${name}) is not part of Holdfast`)}); }
export { ${names.map((n) => `no as ${n}`).join(', ')} };`;

/**
 * What is not loaded though a library asks for it, by importer and name: pino's transports are worker threads; native
 * parts are not used, and ssh2 goes on without them.
 */
const PLAIN: readonly { readonly importer: RegExp; readonly name: RegExp; readonly source: string }[] = [
  {
    importer: /node_modules\/pino\//,
    name: /^\.\/(?:lib\/)?transport$/,
    source: "module.exports = () => { throw new Error('pino transports are not part of Holdfast'); };",
  },
  {
    importer: /node_modules\/pino\//,
    name: /^worker_threads$/,
    source: 'module.exports = { isMainThread: true };',
  },
  {
    importer: /node_modules\/sonic-boom\//,
    name: /^assert$/,
    source: "module.exports = (ok, text) => { if (!ok) throw new Error(text ?? 'assertion failed'); };",
  },
  {
    importer: /node_modules\/ssh2\//,
    name: /^cpu-features$|\/sshcrypto\.node$/,
    source: "throw new Error('native parts are not part of Holdfast');",
  },
];

/** Makes the bundle small: what is never used is left out, what is rarely used is loaded late. */
export const slim: Plugin = {
  name: 'holdfast-slim',
  setup(build) {
    const byName = (table: object): RegExp => new RegExp(`^(?:${Object.keys(table).join('|')})$`);
    build.onResolve({ filter: byName(LAZY) }, (args) =>
      args.importer.includes('client-node') ? { path: args.path, namespace: 'lazy' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, (args) => ({
      contents: lazySource(args.path, LAZY[args.path] ?? []),
      resolveDir: root,
    }));
    build.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'refused' }));
    build.onResolve({ filter: /\/gen\/index\.js$/ }, (args) =>
      args.importer.includes('client-node') ? { path: 'gen', namespace: 'refused' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'refused' }, (args) => ({
      contents: refusedSource(args.path, REFUSED[args.path] ?? []),
    }));
    for (const [i, { importer, name }] of PLAIN.entries())
      build.onResolve({ filter: name }, (args) =>
        importer.test(args.importer) ? { path: String(i), namespace: 'plain' } : undefined,
      );
    build.onLoad({ filter: /.*/, namespace: 'plain' }, (args) => ({
      contents: PLAIN[Number(args.path)]?.source ?? '',
    }));
    build.onResolve({ filter: byName(BESIDE) }, (args) => ({ path: `./${BESIDE[args.path]}`, external: true }));
    // In its form that can be shaken.
    build.onResolve({ filter: /^isomorphic-git$/ }, () => ({ path: module('isomorphic-git', 'index.js') }));
    build.onResolve({ filter: /^pako$/ }, () => ({ path: join(here, 'pako.cjs') }));
  },
};
