import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * Libraries that a site at rest never needs. V8 reads every function of the bundle once at the start, which costs about
 * 1 MiB of memory per 100 KB; these are carried as one compressed text each and read when they are first asked for.
 */
export const PACKED: readonly string[] = [
  'isomorphic-git',
  'age-encryption',
  'node-cron',
  'socks',
  'socks-proxy-agent',
  'hpagent',
  'jsonpath-plus',
  'openid-client',
];

/**
 * Own rooms of which the same is true: building by kustomize is done in children, and few sources are signed or come
 * over SSH. One text for each set of them, which names them by their doors and holds the libraries that only they use.
 * They share the model with the rest: a Fault must be the same class on both sides.
 */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  rooms: [
    'src/render/built/index.ts',
    'src/render/flux-build/index.ts',
    'src/render/kustomize/index.ts',
    'src/sops/index.ts',
  ],
  trust: ['src/trust/index.ts'],
  artifact: ['src/trust/artifact/index.ts'],
  notation: ['src/trust/notation/index.ts'],
  sigstore: ['src/trust/sigstore/index.ts'],
  ssh: ['agent/adapters/ssh/connect.ts', 'agent/adapters/ssh/identity.ts'],
  // For the few sites that have expressions.
  cel: ['src/cel/index.ts'],
  // Most sites have sources of one kind, and Git is the usual one.
  oci: ['src/source/oci/index.ts'],
  bucket: ['src/source/bucket/index.ts'],
  bundle: [
    'agent/inbox/index.ts',
    'agent/inbox/spool.ts',
    'agent/workshop/bundle.ts',
    'agent/workshop/unwrap.ts',
    'agent/cli/bundle/index.ts',
  ],
  // For people at a terminal.
  people: ['agent/cli/kube/index.ts'],
};
/** Files that are a room's own. Of all else these rooms take what the rest of the bundle has. */
const OWN: Readonly<Record<string, RegExp>> = {
  oci: /^src\/source\/oci\//,
  bucket: /^src\/source\/bucket\//,
  bundle: /^(?:agent\/inbox|agent\/cli\/bundle|src\/source\/bundle)\/|^agent\/workshop\/(?:bundle|unwrap)\.ts$/,
  people:
    /^(?:agent\/cli\/(?:kube\/.*|diff|events|get|reconcile|reconcile-object|resume|suspend|why)\.ts|src\/report\/objects\/.*)$/,
};
/** Data of the same kind: needed when a cluster has lost it. */
const DATA = 'src/flux/crds/definitions.json';
const MODEL = 'src/model/';
const MODEL_NAME = 'holdfast:model';

/** Source of a module that unpacks and runs `code`, a CommonJS module, at its first use. */
function carrier(name: string, code: string, requires = 'require'): string {
  const text = deflateRawSync(code, { level: 9 }).toString('base64');
  return `const { compileFunction } = require('node:vm');
const { inflateRawSync } = require('node:zlib');
const unpack = () => inflateRawSync(Buffer.from("${text}", 'base64')).toString('latin1');
const run = compileFunction(unpack(), ['module', 'exports', 'require', '__filename', '__dirname', '__holdfastUrl'], { filename: ${JSON.stringify(`${name}.packed.cjs`)} });
run(module, module.exports, ${requires}, __filename, __dirname, __holdfastUrl);`;
}

/** Bundles each packed library, and the packed rooms, apart, with the given plugins for what they import themselves. */
export function packed(plugins: readonly Plugin[]): Plugin {
  return {
    name: 'holdfast-packed',
    setup(main) {
      main.onResolve({ filter: new RegExp(`^(?:${PACKED.join('|')})$`) }, (args) =>
        // The lazy getters of client-node stand before the package itself.
        args.namespace !== 'lazy' && args.importer.includes('client-node')
          ? undefined
          : { path: args.path, namespace: 'packed' },
      );
      main.onLoad({ filter: /.*/, namespace: 'packed' }, async ({ path }) => {
        const code = await textOf(`module.exports = require(${JSON.stringify(path)});`, plugins);
        return { contents: carrier(path, code), resolveDir: root };
      });
      main.onResolve({ filter: /^\..*\.ts$/ }, (args) => {
        const door = relative(root, join(args.resolveDir, args.path));
        const set = Object.keys(ROOMS).find((name) => ROOMS[name]?.includes(door));
        return set === undefined ? undefined : { path: set, namespace: 'packed-rooms' };
      });
      main.onLoad({ filter: /.*/, namespace: 'packed-rooms' }, async ({ path }) => {
        const all = (ROOMS[path] ?? []).map((door) => `...require('./${door}')`).join(', ');
        const rest = new Set<string>();
        const own = OWN[path];
        const takes = own === undefined ? [sharedModel, ageApart, ...plugins] : [restShared(own, rest)];
        const code = await textOf(`module.exports = { ${all} };`, takes);
        const ways = [...rest].sort().map((name) => `, '${REST}${name}': () => require('${name}')`);
        const model = `'${MODEL_NAME}': () => require('./${MODEL}index.ts'), '${AGE}': () => require('${AGE}')`;
        const shared = `{ ${own === undefined ? model : ways.join('').slice(2)} }`;
        const requires = `(name) => (${shared}[name] ?? (() => require(name)))()`;
        return { contents: carrier(path, code, requires), resolveDir: root };
      });
    },
  };
}

/** Carries a JSON file compressed; it is read when its module is first asked for. */
export const packedData: Plugin = {
  name: 'holdfast-packed-data',
  setup(build) {
    build.onLoad({ filter: /\/definitions\.json$/ }, ({ path }) => {
      if (relative(root, path) !== DATA) return undefined;
      const text = deflateRawSync(readFileSync(path), { level: 9 }).toString('base64');
      return {
        contents: `const { inflateRawSync } = require('node:zlib');
module.exports = JSON.parse(inflateRawSync(Buffer.from("${text}", 'base64')).toString('utf8'));`,
        loader: 'js',
        resolveDir: root,
      };
    });
  },
};

const sharedModel: Plugin = {
  name: 'holdfast-shared-model',
  setup(build) {
    build.onResolve({ filter: /^\./ }, (args) =>
      relative(root, join(args.resolveDir, args.path)).startsWith(MODEL)
        ? { path: MODEL_NAME, external: true }
        : undefined,
    );
  },
};

const REST = 'holdfast:';
/** Leaves all that is not a room's own to the bundle, and notes what that is. */
const restShared = (own: RegExp, rest: Set<string>): Plugin => ({
  name: 'holdfast-rest-shared',
  setup(build) {
    build.onResolve({ filter: /^\..*\.ts$/ }, (args) => {
      const file = relative(root, join(args.resolveDir, args.path));
      if (own.test(file)) return undefined;
      rest.add(`./${file}`);
      return { path: `${REST}./${file}`, external: true };
    });
    build.onResolve({ filter: /^[\w@]/ }, ({ path }) => {
      if (isBuiltin(path)) return undefined;
      rest.add(path);
      return { path: `${REST}${path}`, external: true };
    });
  },
});

/** Building by kustomize is common, and decryption is not: its library stays a packed one of its own. */
const AGE = 'age-encryption';
const ageApart: Plugin = {
  name: 'holdfast-age-apart',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${AGE}$`) }, () => ({ path: AGE, external: true }));
  },
};

/** A module and what it imports as one text, one byte a character. */
export async function textOf(contents: string, plugins: readonly Plugin[]): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    // A text that is compiled by node:vm cannot import, only require.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__holdfastUrl' },
    plugins: [...plugins],
  });
  return oneByte(outputFiles[0]?.text ?? '');
}

/** Escapes the few characters that esbuild leaves in regular expressions: one of them makes V8 keep the text at two bytes each. */
export function oneByte(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
