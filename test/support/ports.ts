import { createServer, type Server } from 'node:net';

const listenOn = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

/**
 * Free loopback ports below the range that outgoing connections take theirs from, so that a part can be stopped and
 * started again on the same one.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  try {
    for (let attempt = 0; held.length < count && attempt < 1000; attempt++) {
      const port = 15_000 + Math.floor(Math.random() * 17_000);
      const server = await listenOn(port).catch(() => undefined);
      if (server !== undefined) held.push(server);
    }
    if (held.length < count) throw new Error('no free loopback ports between 15000 and 32000');
    return held.map((server) => portOf(server));
  } finally {
    await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  }
}

/** The port a listening server has. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}
