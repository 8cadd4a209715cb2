import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FLUX_VERSION } from '../../fluxcli/ensure.ts';
import { FLUX_KUSTOMIZE } from '../../kustomize/flux.ts';
import { OCI_VERSIONS } from '../../ociregistry/parts.ts';
import { cachedPart, goTool, platform } from '../../parts/index.ts';
import { VERSITYGW_VERSION } from '../../s3server/ensure.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
let said: string[];
beforeEach(async () => {
  dir = await tempDir('tool');
  said = [];
});
afterEach(() => dir.remove());

const path = (...parts: string[]): string => join(dir.path, ...parts);

/** A `go` that writes what it is told to build. */
async function fakeGo(build: string): Promise<void> {
  await mkdir(path('bin'), { recursive: true });
  const script = `#!/bin/sh
[ "$1" = env ] && echo go1.26.8 && exit 0
echo "$PWD $*" >> ${path('runs')}
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
${build}
`;
  await writeFile(path('bin', 'go'), script, { mode: 0o755 });
}

const options = (search = `${path('bin')}${delimiter}${process.env['PATH']}`) => ({
  env: { PATH: search, XDG_CACHE_HOME: path('cache') },
  say: (line: string): void => void said.push(line),
});
const tool = () => ({
  kept: 'room/tool-',
  name: 'tool',
  version: 'v1.2.3',
  module: dir.path,
  packages: { one: 'example.com/one', two: '.' },
  minutes: 1,
});
const folder = (): string => path('cache', 'holdfast', 'room', `tool-v1.2.3_${platform()}`);
const runs = async (): Promise<readonly string[]> =>
  (await readFile(path('runs'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

describe('a Go tool', () => {
  it('is built once, in the folder that pins it, and from then on found without a word', async () => {
    await fakeGo('echo binary > "$out"; chmod 755 "$out"');
    const found = await goTool(tool(), options());
    expect(found).toEqual({ one: join(folder(), 'one'), two: join(folder(), 'two') });
    expect(await readdir(folder())).toEqual(['one', 'two']);
    expect(await runs()).toEqual([
      expect.stringMatching(new RegExp(`^${dir.path} build -trimpath -ldflags=-s -w -o .* example.com/one$`)),
      expect.stringMatching(/ \.$/),
    ]);
    expect(said.join('\n')).toMatch(/tool v1\.2\.3: not here yet.* about 1 minute on 2 cores[\s\S]*made in \d+ s/);
    const before = said.length;
    await goTool(tool(), options());
    expect([said.length, (await runs()).length]).toEqual([before, 2]);
  });

  it('is built once when two ask, and two tools one after another', async () => {
    await fakeGo(
      `[ -e ${path('busy')} ] && echo both >> ${path('both')}; touch ${path('busy')}; sleep 0.2; echo b > "$out"; chmod 755 "$out"; rm ${path('busy')}`,
    );
    const other = { ...tool(), kept: 'other/x-', packages: { three: '.' } };
    await Promise.all([goTool(tool(), options()), goTool(tool(), options()), goTool(other, options())]);
    expect(await runs()).toHaveLength(3);
    expect(await readdir(dir.path)).not.toContain('both');
    expect(said.some((line) => line.includes('waiting for process'))).toBe(true);
  });

  it('leaves nothing half built when Go fails, and says what Go said', async () => {
    await fakeGo('echo half > "$out"; chmod 755 "$out"; echo "disk is full" >&2; exit 1');
    await expect(goTool(tool(), options())).rejects.toThrow('disk is full');
    expect(await readdir(folder())).toEqual([]);
  });

  it('says that there is no Go', async () => {
    await expect(goTool(tool(), options(path('nothing')))).rejects.toThrow('no Go found in PATH');
  });

  it('is made anew only as far as it is missing', async () => {
    let made = 0;
    const spec = {
      label: 'thing',
      folder: 'thing/1',
      makes: ['a', 'b'] as const,
      cost: 'nothing',
      make: async (draft: string) => {
        made++;
        for (const name of ['a', 'b']) await mkdir(join(draft, name));
      },
    };
    const { a } = await cachedPart(spec, options());
    expect(a).toBe(path('cache', 'holdfast', 'thing', '1', 'a'));
    await writeFile(join(a, 'kept'), '');
    const { rmdir } = await import('node:fs/promises');
    await rmdir(join(a, '..', 'b'));
    await cachedPart(spec, options());
    expect(made).toBe(2);
    expect(await readdir(a)).toEqual(['kept']);
  });

  it.each([
    ['s3server/versitygw', `github.com/versity/versitygw ${VERSITYGW_VERSION}`],
    ['fluxcli/flux2', `github.com/fluxcd/flux2/v2 ${FLUX_VERSION}`],
    ['ociregistry/registry', `github.com/distribution/distribution/v3 ${OCI_VERSIONS.registry}`],
    ['ociregistry/oras', `oras.land/oras ${OCI_VERSIONS.oras}`],
    ['kustomize', 'sigs.k8s.io/kustomize/kustomize/v5 v5.8.1'],
    ['kustomize/flux', `github.com/fluxcd/pkg/kustomize ${FLUX_KUSTOMIZE}`],
  ])('of %s has the version that its module pins', async (module, pinned) => {
    expect(await readFile(join(import.meta.dirname, '../..', module, 'go.mod'), 'utf8')).toContain(pinned);
  });
});
