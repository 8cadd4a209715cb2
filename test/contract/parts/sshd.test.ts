import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureSshdPackage, findSshd, wanted } from '../../sshserver/index.ts';
import { withUser } from '../../sshserver/launch.ts';
import { type TempDir, tempDir } from '../../support/temp.ts';

let dir: TempDir;
beforeEach(async () => {
  dir = await tempDir('sshd-part');
});
afterEach(() => dir.remove());

const path = (...parts: string[]): string => join(dir.path, ...parts);

async function program(name: string, script: string): Promise<string> {
  await mkdir(path('bin'), { recursive: true });
  await writeFile(path('bin', name), `#!/bin/sh\necho "${name} $*" >> ${path('runs')}\n${script}\n`, { mode: 0o755 });
  return path('bin', name);
}

const PLAN = `Reading package lists...
Inst openssh-client [1:9.2p1-1] (1:9.2p1-2 Debian:12.15/oldstable [amd64])
Inst libc6 [2.36-1] (2.36-2 Debian:12.15/oldstable [amd64])
Inst libwrap0 (7.6.q-32 Debian:12.15/oldstable [amd64])
Inst libssl3 [3.0.1] (3.0.19 Debian:12.15/oldstable [amd64])
Inst openssh-server (1:9.2p1-2 Debian:12.15/oldstable [amd64])
Conf openssh-server (1:9.2p1-2 Debian:12.15/oldstable [amd64])`;

/** An apt that offers what is above, and fails for as long as `when` says. */
async function fakeApt(when = 'false'): Promise<void> {
  await program(
    'apt-get',
    `case "$*" in *update*) [ -n "$UPDATES" ] || { echo "no network" >&2; exit 100; }; exit 0;; esac
if ${when}; then echo "E: Unable to locate package" >&2; exit 100; fi
case "$*" in *install*) printf '%s\\n' '${PLAN.replaceAll('\n', "' '")}';; *download*) echo deb > one.deb;; esac`,
  );
  await program(
    'dpkg-deb',
    'mkdir -p "$3/usr/sbin" "$3/usr/lib/x86_64-linux-gnu"; echo > "$3/usr/sbin/sshd"; chmod 755 "$3/usr/sbin/sshd"',
  );
}

const options = (more: NodeJS.ProcessEnv = {}) => ({
  env: { PATH: `${path('bin')}${delimiter}/usr/bin${delimiter}/bin`, XDG_CACHE_HOME: path('cache'), ...more },
  say: (): void => undefined,
});
const runs = async (name: string): Promise<readonly string[]> =>
  (await readFile(path('runs'), 'utf8').catch(() => '')).split('\n').filter((line) => line.startsWith(`${name} `));

describe('the package of an SSH server', () => {
  it('is the server and the libraries that apt would install or renew', () => {
    expect(wanted(PLAN)).toEqual(['libwrap0=7.6.q-32', 'libssl3=3.0.19', 'openssh-server=1:9.2p1-2']);
    expect(() => wanted('Inst libwrap0 (1 Debian [amd64])')).toThrow('apt offers no openssh-server');
  });

  it('is downloaded once, by the lists that are here, and unpacked in the cache', async () => {
    await fakeApt();
    const { program: found, libraries } = await ensureSshdPackage(options());
    expect(found).toMatch(/cache\/holdfast\/sshserver\/openssh-server-.*\/tree\/usr\/sbin\/sshd$/);
    expect(libraries).toEqual([expect.stringMatching(/tree\/usr\/lib\/x86_64-linux-gnu$/)]);
    await ensureSshdPackage(options());
    expect(await runs('apt-get')).toHaveLength(2);
    expect((await runs('apt-get'))[1]).toMatch(
      / download libwrap0=7\.6\.q-32 libssl3=3\.0\.19 openssh-server=1:9\.2p1-2$/,
    );
  });

  it('is downloaded by fresh lists of its own where there are none', async () => {
    await fakeApt('[ "${1#-o}" = "$1" ] || [ "${2#Dir}" = "$2" ]');
    await ensureSshdPackage(options({ UPDATES: 'yes' }));
    const [first, update, ...rest] = await runs('apt-get');
    expect(first).not.toContain('Dir::State');
    for (const line of [update, ...rest]) expect(line).toContain(`-o Dir::State::lists=${path('cache')}`);
    expect(rest).toHaveLength(2);
  });

  it('says why it cannot be had', async () => {
    await fakeApt('true');
    const words = /Unable to locate package.*; and with fresh lists: .*no network/;
    await expect(ensureSshdPackage(options())).rejects.toThrow(words);
  });

  it('says that there is no apt', async () => {
    const env = { PATH: path('nothing'), XDG_CACHE_HOME: path('cache') };
    await expect(ensureSshdPackage({ env, say: () => undefined })).rejects.toThrow('apt-get is not here');
  });
});

describe('an SSH server', () => {
  it('is the one that is named, where it takes a configuration', async () => {
    const good = await program('sshd', 'exit 0');
    expect(await findSshd(options({ HOLDFAST_SSHD: good }))).toMatchObject({ how: 'plain', program: good });
    expect((await runs('sshd')).every((line) => line.startsWith('sshd -t -f '))).toBe(true);
    await expect(findSshd(options({ HOLDFAST_SSHD: 'sshd' }))).rejects.toThrow('not a full path');
  });

  it('that does not start says what it says itself', async () => {
    const bad = await program('sshd', 'echo "Missing privilege separation directory: /nowhere" >&2; exit 255');
    await expect(findSshd(options({ HOLDFAST_SSHD: bad }))).rejects.toThrow(
      /does not start.*Missing privilege separation directory: \/nowhere/,
    );
  });

  it('finds its helpers beside it, for which it has paths of its own', async () => {
    const helper = path('usr/lib/openssh/sshd-session');
    await mkdir(path('usr/lib/openssh'), { recursive: true });
    await mkdir(path('usr/sbin'));
    await writeFile(helper, '');
    const sshd = path('usr/sbin/sshd');
    await writeFile(sshd, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    expect((await findSshd(options({ HOLDFAST_SSHD: sshd }))).config).toEqual([`SshdSessionPath ${helper}`]);
  });

  it('has a user in what it sees of /etc/passwd', () => {
    const passwd = 'root:x:0:0::/root:/bin/sh\nx:x:900:1::/:/bin/sh';
    expect(withUser(passwd)).toBe(`${passwd}\nsshd:x:899:65534::/run/sshd:/usr/sbin/nologin\n`);
    expect(withUser('sshd:x:1:1::/:/x\n')).toBe('sshd:x:1:1::/:/x\n');
  });
});
