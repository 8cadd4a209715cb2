import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type AgentStatus, Fault, isObject } from '../../src/model/index.ts';
import { loadPlace } from '../config/index.ts';
import { type Address, addressText, parseAddress } from '../http/index.ts';
import type { CliIo } from './io.ts';

/** Where the configuration is when no --config says otherwise. */
export const DEFAULT_CONFIG = '/etc/holdfast/config.yaml';

const ASK_MS = 5_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Where an agent on this machine can be asked, best first. */
export interface Whereabouts {
  readonly addresses: readonly Address[];
  /** Of the configuration; '' when only an address was given. */
  readonly stateDir: string;
}

/** From `--address`, else from the configuration: its socket, then the address it listens on. */
export async function whereabouts(
  options: { readonly config: string | undefined; readonly address: string | undefined },
  io: CliIo,
): Promise<Whereabouts> {
  if (options.address !== undefined) return { addresses: [parseAddress(options.address)], stateDir: '' };
  const { listen, stateDir } = await loadPlace(options.config ?? DEFAULT_CONFIG, io.env);
  const socket: Address = { kind: 'unix', path: join(stateDir, 'agent.sock') };
  return { addresses: listen === '' ? [socket] : [socket, reachable(parseAddress(listen))], stateDir };
}

/** An address that listens on every interface is asked on the loopback one. */
function reachable(address: Address): Address {
  if (address.kind === 'unix') return address;
  if (address.host === '' || address.host === '0.0.0.0') return { ...address, host: '127.0.0.1' };
  return address.host === '::' ? { ...address, host: '::1' } : address;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends one request. Throws the socket's error when nobody answers, or nobody in 5 seconds. */
export function ask(address: Address, method: 'GET' | 'POST', path: string, signal?: AbortSignal): Promise<Answer> {
  const to = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...to, method, path, agent: false, timeout: ASK_MS, ...(signal ? { signal } : {}) },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy(new Error(`more than ${MAX_ANSWER_BYTES} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${ASK_MS / 1000} s`)));
    sent.on('error', reject);
    sent.end();
  });
}

/** Reads a status document; Fault `config-invalid` when it is none. */
export function readStatus(text: string, from: string): AgentStatus {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isObject(value) || value['kind'] !== 'AgentStatus' || !Array.isArray(value['kustomizations']))
    throw new Fault('config-invalid', `What answers at ${from} is not Holdfast.`);
  return value as unknown as AgentStatus;
}

export interface Found {
  readonly status: AgentStatus;
  /** Undefined: read from the state folder, the agent does not answer. */
  readonly address: Address | undefined;
}

/** Asks the running agent, else reads what it wrote last. Fault `config-invalid` with all that was tried. */
export async function findStatus(where: Whereabouts, signal?: AbortSignal): Promise<Found> {
  const tried: string[] = [];
  for (const address of where.addresses) {
    try {
      const answer = await ask(address, 'GET', '/status', signal);
      if (answer.status === 200) return { status: readStatus(answer.body, addressText(address)), address };
      tried.push(`${addressText(address)}: answers ${answer.status}`);
    } catch (error) {
      if (error instanceof Fault) throw error;
      tried.push(`${addressText(address)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (where.stateDir !== '') {
    const path = join(where.stateDir, 'status.json');
    try {
      return { status: readStatus(readFileSync(path, 'utf8'), path), address: undefined };
    } catch (error) {
      tried.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Fault('config-invalid', `No agent answers. Tried:\n  ${tried.join('\n  ')}`);
}
