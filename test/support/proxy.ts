import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { portOf } from './ports.ts';

export interface ProxyRequest {
  readonly method: string;
  /** `host:port` of a CONNECT, or the absolute URL. */
  readonly target: string;
  /** 200 for an established tunnel; the upstream's status for plain HTTP. */
  readonly status: number;
  /** The `Proxy-Authorization` that came, or ''. */
  readonly authorization: string;
}

export interface ForwardProxy {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** In the order of their answers. */
  requests(): readonly ProxyRequest[];
  /** Bytes moved through tunnels, both ways. */
  tunnelBytes(): number;
  /** Answers everything with this status from now on. */
  refuse(status: number): void;
  restore(): void;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** Basic credentials that every request must carry; without them: 407. */
  readonly auth?: { readonly username: string; readonly password: string };
}

/** Starts an HTTP forward proxy on loopback: CONNECT tunnels and plain requests in absolute form (RFC 9112, 3.2.2). */
export async function startProxy(options: ProxyOptions = {}): Promise<ForwardProxy> {
  const seen: ProxyRequest[] = [];
  const tunnels = new Set<Duplex>();
  let refusing: number | undefined;
  let bytes = 0;
  const wanted =
    options.auth && `Basic ${Buffer.from(`${options.auth.username}:${options.auth.password}`).toString('base64')}`;
  const note = (request: IncomingMessage, status: number) => {
    const authorization = request.headers['proxy-authorization'] ?? '';
    seen.push({ method: request.method ?? '', target: request.url ?? '', status, authorization });
  };
  const verdict = (request: IncomingMessage): number | undefined =>
    refusing ?? (wanted !== undefined && request.headers['proxy-authorization'] !== wanted ? 407 : undefined);
  const challenge = { 'Proxy-Authenticate': 'Basic realm="test"' };

  const server = createServer((request, answer) => {
    const no = verdict(request);
    if (no !== undefined) {
      note(request, no);
      request.resume();
      answer.writeHead(no, no === 407 ? challenge : {}).end();
    } else forward(request, answer, (status) => note(request, status));
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    tunnels.add(client);
    client.on('error', () => client.destroy());
    client.once('close', () => tunnels.delete(client));
    const no = verdict(request);
    const end = (status: number) => {
      note(request, status);
      const header = status === 407 ? `Proxy-Authenticate: ${challenge['Proxy-Authenticate']}\r\n` : '';
      client.end(`HTTP/1.1 ${status} Refused\r\n${header}Connection: close\r\nContent-Length: 0\r\n\r\n`);
    };
    if (no !== undefined) {
      end(no);
      return;
    }
    tunnel({
      request,
      client,
      head,
      tunnels,
      count: (n) => (bytes += n),
      open: () => note(request, 200),
      fail: () => end(502),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: () => seen,
    tunnelBytes: () => bytes,
    refuse: (status) => {
      refusing = status;
      for (const socket of tunnels) socket.destroy();
    },
    restore: () => {
      refusing = undefined;
    },
    stop: async () => {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

interface Tunnel {
  readonly request: IncomingMessage;
  readonly client: Duplex;
  readonly head: Buffer;
  readonly tunnels: Set<Duplex>;
  readonly count: (bytes: number) => void;
  readonly open: () => void;
  readonly fail: () => void;
}

function tunnel(options: Tunnel): void {
  const { client, tunnels } = options;
  const [host = '', port = ''] = (options.request.url ?? '').split(':');
  const upstream: Socket = netConnect(Number(port), host);
  let established = false;
  const end = () => {
    for (const socket of [client, upstream]) {
      tunnels.delete(socket);
      socket.destroy();
    }
  };
  upstream.once('connect', () => {
    established = true;
    options.open();
    for (const socket of [client, upstream]) {
      tunnels.add(socket);
      socket.on('data', (chunk: Buffer) => options.count(chunk.length));
      socket.once('close', end);
    }
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (options.head.length > 0) upstream.write(options.head);
    client.pipe(upstream).pipe(client);
  });
  upstream.once('error', () => (established ? end() : options.fail()));
}

function forward(request: IncomingMessage, answer: ServerResponse, done: (status: number) => void): void {
  const fail = (status: number) => {
    done(status);
    if (!answer.headersSent) answer.writeHead(status);
    answer.end();
  };
  if (!(request.url ?? '').startsWith('http://')) {
    fail(400);
    return;
  }
  const { 'proxy-authorization': _own, 'proxy-connection': _hop, ...headers } = request.headers;
  const upstream = httpRequest(request.url ?? '', { method: request.method, headers }, (from) => {
    done(from.statusCode ?? 0);
    answer.writeHead(from.statusCode ?? 502, from.headers);
    from.pipe(answer);
    from.once('error', () => answer.destroy());
  });
  upstream.once('error', () => fail(502));
  request.pipe(upstream);
}
