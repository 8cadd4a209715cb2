import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { freePorts } from './ports.ts';

/** `in`: from client to server; `out`: from server to client. */
export type Direction = 'in' | 'out';

/** A TCP forward on a loopback port that tests put before a server, to count and to damage. */
export interface Relay {
  readonly port: number;
  /** Bytes forwarded from clients to the server since the start or `resetCounts`. */
  in(): number;
  out(): number;
  /** Connections accepted since the start or `resetCounts`. */
  connections(): number;
  /** Connections open now. */
  open(): number;
  resetCounts(): void;
  /** Destroys each connection once it has moved so many bytes in a direction, counted from this call. */
  cutAfter(bytes: number, direction?: Direction): void;
  /** Closes the port and every connection: connection refused. */
  refuse(): Promise<void>;
  /** Accepts and moves nothing; what is open stays open. */
  hang(): void;
  /** Delays each chunk, in both directions. */
  latency(ms: number): void;
  /** Destroys the connections that are open now. */
  dropAll(): void;
  /** Heals everything; what hung moves on. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly moved: Record<Direction, number>;
  /** The cut that `moved` counts towards. */
  cut: Cut | undefined;
}

interface Cut {
  readonly bytes: number;
  readonly direction: Direction;
}

interface State {
  readonly target: { readonly host: string; readonly port: number };
  readonly connections: Set<Connection>;
  readonly moved: Record<Direction, number>;
  readonly waiting: Set<() => void>;
  accepted: number;
  cut: Cut | undefined;
  hanging: boolean;
  latencyMs: number;
}

const initial = (target: { readonly host?: string; readonly port: number }): State => ({
  target: { host: target.host ?? '127.0.0.1', port: target.port },
  connections: new Set(),
  moved: { in: 0, out: 0 },
  waiting: new Set(),
  accepted: 0,
  cut: undefined,
  hanging: false,
  latencyMs: 0,
});

/** Starts a relay to a server on any host; 127.0.0.1 unless told otherwise. */
export async function startRelay(target: { readonly host?: string; readonly port: number }): Promise<Relay> {
  const state = initial(target);
  const [port = 0] = await freePorts(1);
  let server: Server | undefined = await listen(port, state);
  const dropAll = () => {
    for (const connection of state.connections) destroy(connection, state);
  };
  const refuse = async () => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = new Promise((done) => closing.close(done));
    dropAll();
    await closed;
  };
  const heal = () => {
    Object.assign(state, { cut: undefined, hanging: false, latencyMs: 0 });
    for (const resume of state.waiting) resume();
    state.waiting.clear();
  };
  return {
    port,
    in: () => state.moved.in,
    out: () => state.moved.out,
    connections: () => state.accepted,
    open: () => state.connections.size,
    resetCounts: () => {
      state.accepted = 0;
      Object.assign(state.moved, { in: 0, out: 0 });
    },
    cutAfter: (bytes, direction = 'out') => {
      state.cut = { bytes, direction };
    },
    refuse,
    hang: () => {
      state.hanging = true;
    },
    latency: (ms) => {
      state.latencyMs = ms;
    },
    dropAll,
    restore: async () => {
      heal();
      server ??= await listen(port, state);
    },
    stop: async () => {
      heal();
      await refuse();
    },
  };
}

function listen(port: number, state: State): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => accept(client, state));
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function destroy(connection: Connection, state: State): void {
  state.connections.delete(connection);
  for (const socket of [connection.client, connection.upstream]) if (!socket.destroyed) socket.resetAndDestroy();
}

function accept(client: Socket, state: State): void {
  const upstream = netConnect({ ...state.target, noDelay: true, allowHalfOpen: true });
  const connection: Connection = { client, upstream, moved: { in: 0, out: 0 }, cut: state.cut };
  state.accepted++;
  state.connections.add(connection);
  for (const socket of [client, upstream]) socket.on('error', () => destroy(connection, state));
  const flows = [pump('in', connection, state), pump('out', connection, state)];
  Promise.all(flows).then(
    () => state.connections.delete(connection),
    () => destroy(connection, state),
  );
}

/** Moves one direction chunk by chunk, so that every fault can step in between; ends with a half close. */
async function pump(way: Direction, connection: Connection, state: State): Promise<void> {
  const { client, upstream } = connection;
  const [from, to] = way === 'in' ? [client, upstream] : [upstream, client];
  for await (const chunk of from as AsyncIterable<Buffer>) {
    await calm(state);
    const { kept, last } = allowed(chunk, connection, state, way);
    state.moved[way] += kept.length;
    if (kept.length > 0 && !to.destroyed && !to.write(kept)) await drained(to);
    if (last) {
      // What was allowed is to arrive, and to be read, before the end, which takes along what is not.
      await pause(READ_MS);
      destroy(connection, state);
      return;
    }
  }
  if (!to.destroyed) to.end();
}

/** For a busy reader, milliseconds. */
const READ_MS = 150;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Waits for the relay's latency and while it hangs. */
async function calm(state: State): Promise<void> {
  if (state.latencyMs > 0) await pause(state.latencyMs);
  while (state.hanging) await new Promise<void>((resume) => state.waiting.add(resume));
}

/** The part of a chunk that may still pass, and whether the connection ends with it. */
function allowed(chunk: Buffer, connection: Connection, state: State, way: Direction): { kept: Buffer; last: boolean } {
  const { moved } = connection;
  if (connection.cut !== state.cut) {
    connection.cut = state.cut;
    Object.assign(moved, { in: 0, out: 0 });
  }
  const before = moved[way];
  moved[way] += chunk.length;
  const cut = state.cut;
  if (cut === undefined || cut.direction !== way || moved[way] < cut.bytes) return { kept: chunk, last: false };
  return { kept: chunk.subarray(0, Math.max(0, cut.bytes - before)), last: true };
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve);
    socket.once('close', resolve);
  });
}
