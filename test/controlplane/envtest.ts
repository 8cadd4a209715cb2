import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { extract } from 'tar';
import { platform, type Say } from '../parts/index.ts';
import { type Binary, KUBERNETES_VERSION } from './versions.ts';

/** The public index of the binaries that Kubernetes' own controller tests use: versions, archives, SHA-512. */
const INDEX = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
const MAX_INDEX = 4 * 1024 * 1024;
const MAX_ARCHIVE = 500 * 1024 * 1024;

interface Archive {
  readonly version: string;
  readonly url: string;
  readonly sha512: string;
}

/** What the download brings; it has no kube-controller-manager. */
export const ENVTEST_BINARIES: readonly Binary[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** Downloads the newest archive of our Kubernetes minor version, checks it, and puts its binaries into a folder. */
export async function downloadEnvtest(
  target: string,
  options: { readonly say: Say; readonly index?: string },
): Promise<void> {
  const index = await download(options.index ?? INDEX, MAX_INDEX);
  const archive = newest(load(index.toString('utf8')));
  options.say(`downloading envtest ${archive.version} (about 60 MB) ...`);
  const bytes = await download(archive.url, MAX_ARCHIVE);
  const digest = createHash('sha512').update(bytes).digest('hex');
  if (digest !== archive.sha512)
    throw new Error(`envtest ${archive.version}: the archive has another SHA-512 than its index says`);
  const draft = join(target, `.download-${process.pid}-${Date.now()}`);
  await mkdir(draft, { recursive: true });
  try {
    const file = join(draft, 'archive.tar.gz');
    await writeFile(file, bytes);
    await extract({
      file,
      cwd: draft,
      strip: 2,
      filter: (path) => ENVTEST_BINARIES.some((b) => path.endsWith(`/${b}`)),
    });
    for (const name of ENVTEST_BINARIES) {
      await chmod(join(draft, name), 0o755);
      await rename(join(draft, name), join(target, name));
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

type Tree = Readonly<Record<string, unknown>>;
const tree = (value: unknown): Tree => (typeof value === 'object' && value !== null ? (value as Tree) : {});

function newest(index: unknown): Archive {
  const releases = tree(tree(index)['releases']);
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const patch = (version: string) => Number(version.split('.')[2]);
  const versions = Object.keys(releases).filter((v) => new RegExp(`^${major}\\.${minor}\\.\\d+$`).test(v));
  const version = versions.sort((a, b) => patch(b) - patch(a))[0];
  if (version === undefined) throw new Error(`the envtest index has nothing of ${major}.${minor}`);
  const row = tree(tree(releases[version])[`envtest-${version}-${platform()}.tar.gz`]);
  const { hash, selfLink } = row;
  if (typeof hash !== 'string' || typeof selfLink !== 'string')
    throw new Error(`envtest ${version} has no archive for ${platform()}`);
  return { version, url: selfLink, sha512: hash };
}

function download(url: string, limit: number, hops = 5): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('http://') ? httpGet : httpsGet;
    const request = get(url, (answer) => {
      const status = answer.statusCode ?? 0;
      const next = answer.headers.location;
      if (status >= 300 && status < 400 && next !== undefined && hops > 0) {
        answer.resume();
        download(new URL(next, url).href, limit, hops - 1).then(resolve, reject);
      } else if (status !== 200) {
        answer.resume();
        reject(new Error(`${url} answered ${status}`));
      } else collect(answer, limit).then(resolve, reject);
    });
    request.setTimeout(30_000, () => request.destroy(new Error(`${url}: nothing came for 30 s`)));
    request.once('error', reject);
  });
}

async function collect(answer: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Error(`the download is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
