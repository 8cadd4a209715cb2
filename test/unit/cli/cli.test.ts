import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../agent/adapters/log/index.ts';
import { type CliIo, COMMANDS } from '../../../agent/cli/index.ts';
import { type NudgeRef, type Serving, serve } from '../../../agent/http/index.ts';
import type { AgentStatus } from '../../../src/model/index.ts';
import { holdfast } from '../../support/cli.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { sampleKustomization, sampleStatus } from '../../support/status-sample.ts';

let dir = '';
let ends: (() => Promise<unknown> | unknown)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-cli-'));
  ends = [];
});
afterEach(async () => {
  for (const end of ends) await end();
  rmSync(dir, { recursive: true, force: true });
});

/** A configuration for a state folder, and an agent's pages on its socket. */
async function site(
  status: () => AgentStatus = () => sampleStatus(),
  nudge: (ref: NudgeRef) => boolean = () => true,
): Promise<string> {
  const view = { status, metrics: () => '', alive: () => true, ready: () => true, nudge };
  const serving: Serving = await serve(
    join(dir, 'agent.sock'),
    view,
    createLog({ clock: manualClock(), write: () => {} }),
  );
  ends.push(() => serving.close());
  return config();
}

function config(listen = '127.0.0.1:1'): string {
  const path = join(dir, 'config.yaml');
  writeFileSync(
    path,
    `apiVersion: holdfast.dev/v1alpha1\nkind: AgentConfiguration\ncluster: { name: store-0417 }\nstateDir: ${dir}\nlisten: ${listen}\n`,
  );
  return path;
}

describe('holdfast', () => {
  it.each([[], ['help'], ['--help'], ['-h']])('with %j lists every command', async (...argv) => {
    const { code, out } = await holdfast(argv.flat());
    expect(code).toBe(0);
    for (const name of Object.keys(COMMANDS).filter((one) => COMMANDS[one]?.hidden !== true))
      expect(out).toContain(`  ${name} `);
  });

  it('refuses what is no command, on stderr, with 2', async () => {
    for (const name of ['sttaus', 'constructor', '__proto__']) {
      const { code, out, err } = await holdfast([name]);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain(`no command "${name}"`);
      expect((await holdfast(['help', name])).code).toBe(2);
    }
  });

  it.each(Object.keys(COMMANDS))('explains %s alike with help and --help', async (name) => {
    const [a, b] = [await holdfast(['help', name]), await holdfast([name, '--help'])];
    expect(a).toEqual(b);
    expect(a.out).toMatch(new RegExp(`^Usage: holdfast ${name}`));
    expect(a.out.split('\n').every((line) => line.length <= 120)).toBe(true);
    expect(COMMANDS[name]?.hidden === true || (await COMMANDS[name]?.load())?.help === a.out).toBe(true);
  });

  it('refuses options that a command does not have, with 2', async () => {
    for (const name of ['status', 'reconcile', 'version']) {
      const { code, err } = await holdfast([name, '--nope']);
      expect(code).toBe(2);
      expect(err).toContain(`holdfast help ${name}`);
    }
  });

  it('prints its version as text and as JSON', async () => {
    expect((await holdfast(['version'])).out).toMatch(/^holdfast \d+\.\d+\.\d+\S* .*Node v\d+/);
    expect((await holdfast(['--version'])).out).toMatch(/^holdfast /);
    expect(JSON.parse((await holdfast(['version', '-o', 'json'])).out)).toMatchObject({ node: process.version });
  });
});

describe('holdfast status', () => {
  it('shows the site of the agent that answers on the socket of the state folder', async () => {
    const { code, out } = await holdfast(['status', '--config', await site()]);
    expect(code).toBe(0);
    expect(out).toMatch(/^store-0417 {2}converged\n/);
  });

  it('asks the address that the agent listens on when there is no socket, also when that is every interface', async () => {
    const view = { status: () => sampleStatus(), metrics: () => '', alive: () => true, ready: () => true };
    const serving = await serve('127.0.0.1:0', view, createLog({ clock: manualClock(), write: () => {} }));
    ends.push(() => serving.close());
    const port = serving.address.split(':')[1];
    for (const listen of [serving.address, `0.0.0.0:${port}`, `":${port}"`])
      expect((await holdfast(['status', '-c', config(listen)])).out).toContain('converged');
    expect((await holdfast(['status', '--address', serving.address])).out).toContain('converged');
  });

  it('prints the whole document as JSON', async () => {
    const { out } = await holdfast(['status', '-o', 'json', '-c', await site()]);
    expect(JSON.parse(out)).toEqual(sampleStatus());
  });

  it('is in colour on a terminal and not into a pipe or with NO_COLOR', async () => {
    const path = await site();
    const at = async (io: Partial<CliIo>) => (await holdfast(['status', '-c', path], io)).out.includes('\u001b[');
    expect(await at({})).toBe(false);
    expect(await at({ terminal: { columns: 80 } })).toBe(true);
    expect(await at({ terminal: { columns: 80 }, env: { NO_COLOR: '1' } })).toBe(false);
    expect(await at({ terminal: { columns: 80 }, env: { TERM: 'dumb' } })).toBe(false);
  });

  it('fails with --check when something is not converged, and else does not', async () => {
    let converged = true;
    const path = await site(() => sampleStatus({ kustomizations: [sampleKustomization({ converged })] }));
    expect((await holdfast(['status', '--check', '-c', path])).code).toBe(0);
    converged = false;
    expect((await holdfast(['status', '--check', '-c', path])).code).toBe(1);
    expect((await holdfast(['status', '-c', path])).code).toBe(0);
  });

  it('shows what was written last when no agent answers, and says so', async () => {
    writeFileSync(join(dir, 'status.json'), JSON.stringify(sampleStatus()));
    const { code, out } = await holdfast(['status', '-c', config()]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^No agent answers\. This is what it wrote at 2026-01-01T00:00:00Z:\n\nstore-0417 {2}converged/,
    );
    expect((await holdfast(['status', '--check', '-c', config()])).code).toBe(1);
  });

  it('says all that was tried when there is nothing', async () => {
    const { code, out, err } = await holdfast(['status', '-c', config()]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('agent.sock');
    expect(err).toContain('127.0.0.1:1');
    expect(err).toContain('status.json');
  });

  it('names the file when there is no configuration', async () => {
    const { code, err } = await holdfast(['status', '-c', join(dir, 'none.yaml')]);
    expect(code).toBe(1);
    expect(err).toContain('none.yaml: no such file');
  });

  it('does not take another server for an agent', async () => {
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => other.close(resolve)));
    const { code, err } = await holdfast(['status', '--address', `127.0.0.1:${(other.address() as AddressInfo).port}`]);
    expect(code).toBe(1);
    expect(err).toContain('is not Holdfast');
  });
});

describe('holdfast reconcile', () => {
  it('asks for everything without a name, and for what a name, a path or a whole reference fits', async () => {
    const asked: string[] = [];
    const path = await site(undefined, (ref) => asked.push(`${ref.kind}/${ref.namespace}/${ref.name}`) > 0);
    for (const words of [[], ['store'], ['flux-system/fleet'], ['gitrepository/flux-system/fleet', 'store']])
      expect((await holdfast(['reconcile', '-c', path, ...words])).code).toBe(0);
    const [store, fleet] = ['Kustomization/flux-system/store', 'GitRepository/flux-system/fleet'];
    expect(asked).toEqual(['//', store, fleet, fleet, store]);
  });

  it('asks for nothing when one of the names is unknown', async () => {
    const asked: NudgeRef[] = [];
    const path = await site(undefined, (ref) => asked.push(ref) > 0);
    const { code, err } = await holdfast(['reconcile', '-c', path, 'store', 'nope']);
    expect([code, asked.length]).toEqual([1, 0]);
    expect(err).toContain('"nope"');
  });

  it('fails when the agent refuses, and when there is none', async () => {
    const path = await site(undefined, () => false);
    expect((await holdfast(['reconcile', '-c', path])).code).toBe(1);
    expect((await holdfast(['reconcile', '--address', join(dir, 'none.sock')])).code).toBe(1);
    expect((await holdfast(['reconcile', '--address', '127.0.0.1:80'])).code).toBe(2);
  });
});
