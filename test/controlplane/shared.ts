import { createServer, get, type Server } from 'node:http';
import { portOf } from '../support/ports.ts';
import { accessTo, type ClusterAccess, type ClusterInfo } from './access.ts';
import { type ControlPlane, launch } from './driver.ts';

/** Address of the process of this test run that keeps the shared control plane. */
const ADDRESS = 'HOLDFAST_SHARED_CONTROLPLANE';

/**
 * One control plane for all tests of a run, started by the first that asks. Use namespaces of your own; `stop` only
 * lets go of it. Without the global set-up (a script), it is one of your own.
 */
export async function sharedControlPlane(): Promise<ClusterAccess> {
  const address = process.env[ADDRESS];
  if (address === undefined || address === '') return (await launch({ audit: true })).cluster;
  const info = await ask(address);
  return accessTo(info, () => info.pids);
}

/** Offers the shared control plane to the test processes; used by the global set-up. */
export async function offerControlPlane(): Promise<{ stop(): Promise<void> }> {
  let launched: Promise<{ cluster: ControlPlane; info: ClusterInfo }> | undefined;
  const secret = `/${crypto.randomUUID()}`;
  const server: Server = createServer((request, answer) => {
    if (request.url !== secret) {
      answer.writeHead(404).end();
      return;
    }
    launched ??= launch({ audit: true });
    launched.then(
      ({ info }) => answer.end(JSON.stringify(info)),
      (error: unknown) => answer.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env[ADDRESS] = `http://127.0.0.1:${portOf(server)}${secret}`;
  return {
    stop: async () => {
      delete process.env[ADDRESS];
      server.closeAllConnections();
      server.close();
      const running = await launched?.catch(() => undefined);
      await running?.cluster.stop();
    },
  };
}

function ask(address: string): Promise<ClusterInfo> {
  return new Promise((resolve, reject) => {
    get(address, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      if (answer.statusCode === 200) resolve(JSON.parse(text) as ClusterInfo);
      else reject(new Error(text));
    }).once('error', reject);
  });
}
