import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWire, type WireOptions } from '../../../agent/adapters/wire/index.ts';
import { freePorts } from '../../support/ports.ts';
import type { SeenRequest, ServerAnswer, WireWorld } from './suite.ts';

/** Real servers on loopback and the Wire of node:http. */
export async function httpWorld(options: WireOptions = {}): Promise<WireWorld> {
  const wire = createWire(options);
  const servers: Server[] = [];
  return {
    wire,
    async serve(handler) {
      const server = createServer(listener(handler));
      servers.push(server);
      return `http://127.0.0.1:${await listen(server)}`;
    },
    async nowhere() {
      const [port] = await freePorts(1);
      return `http://127.0.0.1:${port}/`;
    },
    async stop() {
      wire.close();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** Listens on a free loopback port. */
export function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** A handler of the suite as a listener of node:http. */
export function listener(handler: (request: SeenRequest) => ServerAnswer): RequestListener {
  return (request, response) => {
    bodyOf(request)
      .then((body) => {
        const headers = request.headers as Record<string, string | undefined>;
        const answer = handler({ method: request.method ?? '', path: request.url ?? '', headers, body });
        if (answer.end === 'silent') return;
        if (answer.end === 'cut' && answer.parts === undefined) return void request.socket.destroy();
        response.writeHead(answer.status ?? 200, answer.headers ?? {});
        for (const part of answer.parts ?? []) response.write(part);
        if (answer.end === 'hang') response.flushHeaders();
        else if (answer.end === 'cut') setTimeout(() => request.socket.destroy(), 20);
        else response.end();
      })
      .catch(() => request.socket.destroy());
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}
