import http from 'node:http';
import type { Duplex } from 'node:stream';
import { asFault } from '../../../src/model/index.ts';
import { type Connection, openConnection, type Route, routeKey, routeState } from './connect.ts';

/** Sizes of the connection pool. */
export interface PoolOptions {
  /** Connections at once to one server. */
  readonly sockets: number;
  /** An unused connection is closed after this many milliseconds. */
  readonly keepMs: number;
  /** Servers remembered; the oldest is forgotten with its connections. */
  readonly routes: number;
}

/** A connection with the counters that exchanges before have been charged for. */
export interface PooledConnection extends Connection {
  chargedUp: number;
  chargedDown: number;
}

/** Kept-alive connections by route. */
export interface Pool {
  /**
   * Waits until the route has room for one more exchange; the call that ends it must follow. (Node's own `maxSockets`
   * does not count connections that are being made by `createConnection`.) Ends with the signal's reason.
   */
  enter(route: Route, signal: AbortSignal): Promise<Seat>;
  /** The connection behind a request's socket. */
  connection(socket: Duplex): PooledConnection | undefined;
  close(): void;
}

/** The right to one connection of a route. */
export interface Seat {
  /** Connection attempts end with the signal of the request that began them. */
  readonly agent: http.Agent;
  leave(): void;
}

interface Line {
  readonly agent: http.Agent;
  used: number;
  readonly waiting: Set<() => void>;
}

/** Request options that reach `createConnection`, with the signal that ends an attempt. */
export type AttemptOptions = http.RequestOptions & { readonly attempt: AbortSignal };

/** Makes an empty pool. */
export function createPool(options: PoolOptions): Pool {
  const lines = new Map<string, Line>();
  const connections = new WeakMap<Duplex, PooledConnection>();
  const make = (route: Route): http.Agent => {
    const state = routeState(route);
    const agent = new http.Agent({
      keepAlive: true,
      // Seats bound the sockets. The agent's own queue would open a connection with the options of a request before.
      maxSockets: Number.POSITIVE_INFINITY,
      maxFreeSockets: options.sockets,
      timeout: options.keepMs,
      scheduling: 'lifo',
    });
    agent.createConnection = (request, callback) => {
      openConnection(route, state, (request as AttemptOptions).attempt).then(
        (connection) => {
          connections.set(connection.stream, { ...connection, chargedUp: 0, chargedDown: 0 });
          callback?.(null, connection.stream);
        },
        (error: unknown) => callback?.(error instanceof Error ? error : asFault(error), undefined as never),
      );
      return undefined;
    };
    return agent;
  };
  const lineOf = (route: Route): Line => {
    const key = routeKey(route);
    const line = lines.get(key) ?? { agent: make(route), used: 0, waiting: new Set() };
    lines.delete(key);
    lines.set(key, line);
    for (const [old, { agent, used }] of lines) {
      if (lines.size <= options.routes) break;
      if (used > 0) continue;
      lines.delete(old);
      agent.destroy();
    }
    return line;
  };
  return {
    async enter(route, signal) {
      const line = lineOf(route);
      await seat(line, options.sockets, signal);
      let left = false;
      return {
        agent: line.agent,
        leave() {
          if (left) return;
          left = true;
          line.used -= 1;
          for (const next of line.waiting) return next();
        },
      };
    },
    connection: (socket) => connections.get(socket),
    close() {
      for (const { agent } of lines.values()) agent.destroy();
      lines.clear();
    },
  };
}

/** Takes one of a line's seats, in order of arrival. */
function seat(line: Line, seats: number, signal: AbortSignal): Promise<void> {
  if (line.used < seats) {
    line.used += 1;
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const go = (): void => {
      line.waiting.delete(go);
      signal.removeEventListener('abort', stop);
      line.used += 1;
      resolve();
    };
    const stop = (): void => {
      line.waiting.delete(go);
      reject(signal.reason);
    };
    line.waiting.add(go);
    signal.addEventListener('abort', stop, { once: true });
  });
}
