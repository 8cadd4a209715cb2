import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import type { Ssh, SshChannel } from '../../../src/ports/index.ts';
import { type Bench, startBench } from './support.ts';

/** Bytes that do not compress, the same each time. */
const noise = (seed: string): Buffer =>
  Buffer.concat(Array.from({ length: 940 }, (_, i) => createHash('sha256').update(`${seed} ${i}`).digest()));

interface Pipes extends Ssh {
  /** Each connection dies when so many bytes have come over it. */
  cutAfter: number;
  moved(): { readonly up: number; readonly down: number; readonly connections: number };
  reset(): void;
}

/** The real `git upload-pack` as sshd would start it, over pipes: what is tested is how answers follow each other on one connection. */
function pipes(): Pipes {
  let [up, down, connections] = [0, 0, 0];
  const self: Pipes = {
    cutAfter: Number.POSITIVE_INFINITY,
    moved: () => ({ up, down, connections }),
    reset: () => {
      [up, down, connections] = [0, 0, 0];
    },
    async open({ command, env }): Promise<SshChannel> {
      const dir = command.slice("git-upload-pack '".length, -1);
      const child = spawn('git', ['upload-pack', dir], {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      child.stdin.on('error', () => undefined);
      connections += 1;
      let [sent, got] = [0, 0];
      const count = (bytes: number): void => {
        got += bytes;
        down += bytes;
      };
      async function* output(): AsyncGenerator<Uint8Array> {
        for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
          const part = chunk.subarray(0, Math.max(0, self.cutAfter - got));
          count(part.length);
          yield part;
          if (got >= self.cutAfter) throw new Fault('wire-cut', 'the connection ended: unexpected EOF');
        }
      }
      return {
        output: output(),
        write: async (bytes) => {
          sent += bytes.length;
          up += bytes.length;
          child.stdin.write(bytes);
        },
        complaint: () => '',
        count: () => ({ requests: 1, up: sent, down: got }),
        close: () => void child.kill(),
      };
    },
  };
  return self;
}

describe('a transfer over one connection for all questions, as by SSH, that is cut', () => {
  let bench: Bench;
  const ssh = pipes();
  beforeAll(async () => {
    bench = await startBench({}, ssh);
  });
  afterAll(() => bench.stop());

  it('ends at no more than 1.3 times the bytes, and counts each once', async () => {
    const repo = await bench.server.repo('pipe/cut');
    await repo.commit(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i % 7}/f${i}`, noise(`${i}`)])));
    const request = { ssh: { identity: 'key', passphrase: '', knownHosts: '' } };
    const url = `ssh://git@host${repo.dir}`;
    const whole = bench.site(url, request);
    await whole.fetch();
    const bytes = ssh.moved().down;
    expect(bytes).toBeGreaterThan(3_000_000);
    ssh.reset();
    ssh.cutAfter = 200_000;
    const site = bench.site(url, request);
    const outcome = await site.fetch();
    ssh.cutAfter = Number.POSITIVE_INFINITY;
    const { up, down, connections } = ssh.moved();
    expect(site.have?.root).toBe(whole.have?.root);
    expect(up + down).toBeLessThan(1.3 * bytes);
    expect(outcome.count).toEqual({ requests: connections, up, down });
  });

  it('ends at the bound of the bytes that one attempt may take', async () => {
    const repo = await bench.server.repo('pipe/more');
    await repo.commit(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, noise(`m${i}`)])));
    ssh.cutAfter = 400_000;
    const site = bench.site(`ssh://git@host${repo.dir}`, { ssh: { identity: 'key', passphrase: '', knownHosts: '' } });
    const failed = await site.fails({}, { packBytes: 600_000 });
    ssh.cutAfter = Number.POSITIVE_INFINITY;
    expect(failed).toEqual({ code: 'source-bounds', message: expect.stringContaining('limits.packBytes') });
  });
});
