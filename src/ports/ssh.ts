import type { WireCount } from '../model/index.ts';
import type { WireProxy } from './wire.ts';

/** Who we are on an SSH server, and which servers are trusted. Never logged. */
export interface SshAuth {
  /** Private key: OpenSSH, PKCS#8, PKCS#1 or SEC 1, in PEM. */
  readonly identity: string;
  /** Of an encrypted key; '' without. */
  readonly passphrase: string;
  /** Text of a known_hosts file. */
  readonly knownHosts: string;
}

/** One command on an SSH server. */
export interface SshRequest {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly auth: SshAuth;
  readonly command: string;
  /** Variables that the server is asked to set; it may not. */
  readonly env: Readonly<Record<string, string>>;
  readonly proxy?: WireProxy;
  /** For connecting, authenticating and everything after. */
  readonly totalMs: number;
  /** Longest silence of the command while something of it is waited for. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

/** A command that runs, over a connection of its own. */
export interface SshChannel {
  /** Its standard output. A cut throws `wire-cut`, silence `wire-timeout`. Read once. */
  readonly output: AsyncIterable<Uint8Array>;
  /** To its standard input. */
  write(bytes: Uint8Array): Promise<void>;
  /** What it has written to standard error so far, at most a few KiB. */
  complaint(): string;
  /** Bytes so far, at the socket. */
  count(): WireCount;
  /** Ends command and connection. */
  close(): void;
}

/**
 * Commands over SSH. Throws Faults: those of the Wire for the connection (`wire-unreachable`, `wire-timeout`,
 * `wire-proxy`), `wire-host-key` when the server's key is not the known one, `source-auth` when it does not take ours,
 * `secret-invalid` when our key or known_hosts cannot be read.
 */
export interface Ssh {
  open(request: SshRequest): Promise<SshChannel>;
}
