import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import net from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type ServerConfig } from 'ssh2';
import { portOf } from '../support/ports.ts';

/** A server of our own that speaks SSH as far as a test wants it to. */
export interface Stub {
  readonly port: number;
  /** A line of known_hosts for it. */
  readonly knownHosts: string;
  stop(): Promise<void>;
}

/** What it does; by default it lets everybody in and gives a channel, on which nothing comes. */
export interface Acts {
  readonly config?: Partial<ServerConfig>;
  readonly came?: (client: Connection) => void;
  readonly login?: (context: AuthContext, client: Connection) => void;
  readonly session?: (accept: () => ssh2.Session, reject: () => void) => void;
  readonly exec?: (accept: () => ServerChannel, reject: () => void, client: Connection) => void;
}

/** What ssh2 does not show: its side of the protocol. */
export interface Insides {
  readonly _protocol: {
    disconnect(reason: number): void;
    readonly _packetRW: {
      readonly write: { readonly allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer };
    };
    readonly _cipher: { encrypt(packet: Buffer): void };
    channelOpenConfirm(remote: number, local: number, window: number, packet: number): void;
  };
}
export const insidesOf = (client: Connection): Insides['_protocol'] => (client as unknown as Insides)._protocol;

/** Sends what the other side has to drop (RFC 4253, 11.2). */
export function sendIgnored(client: Connection, bytes: number): void {
  const { _packetRW: packets, _cipher: cipher } = insidesOf(client);
  const packet = packets.write.alloc(5 + bytes);
  packet[packets.write.allocStart] = 2;
  packet.writeUInt32BE(bytes, packets.write.allocStart + 1);
  cipher.encrypt(packets.write.finalize(packet));
}

/** A private key in PEM and its public half as a line, RSA because it fits everywhere. */
export function rsaKey(): { readonly pem: string; readonly line: string } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { pem: pemOf(privateKey), line: lineOf(pemOf(privateKey)) };
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs1', format: 'pem' }).toString();

function lineOf(pem: string): string {
  const key = ssh2.utils.parseKey(pem);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

/** Starts it on loopback. */
export async function startStub(acts: Acts, host: { readonly pem: string; readonly line: string }): Promise<Stub> {
  const sockets = new Set<net.Socket>();
  const server = new ssh2.Server({ hostKeys: [host.pem], ...acts.config }, (client) => {
    client.on('error', () => undefined);
    acts.came?.(client);
    client.on('authentication', (context) => (acts.login ?? ((one) => one.accept()))(context, client));
    client.on('session', (accept, reject) => {
      if (acts.session !== undefined) return acts.session(accept, reject);
      accept().on('exec', (yes, no) => {
        if (acts.exec === undefined) yes();
        else acts.exec(yes, no, client);
      });
    });
  });
  const front = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    server.injectSocket(socket);
  });
  return listening(front, sockets, host.line);
}

/** Any TCP server, as such a stub. */
export async function startRaw(talk: (socket: net.Socket) => void): Promise<Stub> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    talk(socket);
  });
  return listening(server, sockets, rsaLineOfNobody);
}

/** Of a server that never gets so far. */
const rsaLineOfNobody = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0vd8nCyaSPpqLPvQnVZ7dGqGvWsvvfY0dZ0zpJ4Ebo';

async function listening(server: net.Server, sockets: ReadonlySet<net.Socket>, line: string): Promise<Stub> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const port = portOf(server);
  return {
    port,
    knownHosts: `[127.0.0.1]:${port} ${line}\n`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
