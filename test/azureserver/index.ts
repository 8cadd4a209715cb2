import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createPart, whenReady } from '../controlplane/part.ts';
import { cachedPart, type PartOptions, run } from '../parts/index.ts';
import { startLeash } from '../support/leash.ts';
import { freePorts } from '../support/ports.ts';
import { tempDir } from '../support/temp.ts';

/** Pinned here and in azurite/package.json. */
const AZURITE_VERSION = '3.35.0';

/** Path of Azurite, Microsoft's emulator of Azure Storage; installed when it is not in the cache. */
export async function ensureAzureServer(options: PartOptions = {}): Promise<string> {
  const { node_modules: modules } = await cachedPart(
    {
      label: `azurite ${AZURITE_VERSION}`,
      folder: join('azureserver', `azurite-${AZURITE_VERSION}`),
      makes: ['node_modules'],
      cost: '190 MB of packages',
      make: async (draft, how) => {
        await cp(join(import.meta.dirname, 'azurite'), draft, { recursive: true });
        await run('npm', ['ci', '--silent', '--ignore-scripts'], { ...how, cwd: draft });
      },
    },
    options,
  );
  return join(modules, 'azurite', 'dist', 'src', 'blob', 'main.js');
}

/** Azurite's one account, which its documentation names. */
export const ACCOUNT = {
  account: 'devstoreaccount1',
  key: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
};

export interface AzureServer {
  /** `http://127.0.0.1:PORT/devstoreaccount1`. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the emulator's blob service; it ends with this process. */
export async function startAzureServer(): Promise<AzureServer> {
  const script = await ensureAzureServer();
  const { path: dir } = await tempDir('azure');
  const leash = startLeash(dir);
  const [port = 0] = await freePorts(1);
  const settings = ['--location', dir, '--silent', '--skipApiVersionCheck', '--disableTelemetry'];
  const part = createPart({
    binary: process.execPath,
    args: [script, '--blobHost', '127.0.0.1', '--blobPort', String(port), ...settings],
    cwd: dir,
    changed: () => leash.hold(part.pid() === undefined ? [] : [part.pid() ?? 0]),
  });
  part.start();
  await whenReady(part, 'azurite', async () => (await fetch(`http://127.0.0.1:${port}/`)).status > 0);
  return {
    url: `http://127.0.0.1:${port}/${ACCOUNT.account}`,
    port,
    stop: async () => {
      await part.kill();
      await leash.release();
    },
  };
}
