import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../../src/model/index.ts';
import type { Unlock } from '../../../src/ports/index.ts';
import { errnoOf } from './files.ts';
import { diskFault } from './paths.ts';

/*
 * Node has no flock, but a listening unix socket is held by the kernel just so: it answers while its process lives and
 * refuses as soon as it is gone, also after kill -9, and also across containers that share the folder on one kernel.
 *
 * Each contender first shows a listening socket under a name of its own, then asks every other name. It holds the lock
 * when nobody else answers. Of two that start at once the later to show itself sees the earlier, so both can't win; the
 * one with the greater name steps back, so both can't lose. Names are never used twice, so removing a dead one is safe.
 */

const FOLDER = '.lock';
const SUFFIX = '.sock';
/** sun_path holds 108 bytes with its end mark on Linux, 104 elsewhere. */
const PATH_BYTES = 103;
const ANSWER_MS = 1_000;
const ROUNDS = 40;
const ROUND_MS = 50;
const ANSWER_BYTES = 1_024;
/** How often a folder that took no writes is tried again. */
const AGAIN_MS = 5_000;

interface Holder {
  readonly alive: boolean;
  /** Contending, not yet holding. Unknown counts as holding. */
  readonly candidate: boolean;
  /** `pid 17 on host-a`, or '' when it did not say. */
  readonly who: string;
}

/** A disk like this takes no socket: the site must be kept all the same. */
const UNWRITABLE: ReadonlySet<string> = new Set(['EROFS', 'ENOSPC', 'EDQUOT']);

/**
 * Takes the lock of a folder that exists. Fault `cache-locked` when another process has it. In a folder that takes no
 * writes the lock is a name in the kernel, until the folder takes the real one.
 */
export async function lockFolder(root: string): Promise<Unlock> {
  try {
    return await lockBySocket(root);
  } catch (error) {
    if (!UNWRITABLE.has(errnoOf(error))) throw diskFault(error, 'lock', root);
    return lockUnwritable(root, diskFault(error, 'lock', root));
  }
}

async function lockBySocket(root: string): Promise<Unlock> {
  const folder = join(root, FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const short = shorten(folder);
  try {
    return await contend(root, short);
  } catch (error) {
    short.close();
    throw error;
  }
}

async function lockUnwritable(root: string, why: Fault): Promise<Unlock> {
  const other = await holderOf(root);
  if (other !== undefined) throw lockedBy(root, other.who);
  const free = await lockName(root, why);
  let unlock: Unlock | undefined;
  const again = setInterval(() => {
    lockBySocket(root).then(
      (taken) => {
        unlock = taken;
        clearInterval(again);
      },
      () => undefined,
    );
  }, AGAIN_MS);
  again.unref();
  return async () => {
    clearInterval(again);
    await free();
    await unlock?.();
  };
}

/** Who holds the lock, without contending. */
async function holderOf(root: string): Promise<Holder | undefined> {
  const folder = join(root, FOLDER);
  if (!existsSync(folder)) return undefined;
  const short = shorten(folder);
  try {
    return await firstAlive(short.path, '');
  } finally {
    short.close();
  }
}

async function contend(root: string, short: ShortFolder): Promise<Unlock> {
  let last: Holder | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const me = await show(short.path);
    const other = await firstAlive(short.path, me.name);
    if (other === undefined) {
      me.hold();
      return async () => {
        await me.withdraw();
        short.close();
      };
    }
    // Only the one with the lesser name may wait for the other to step back; the same name is shown again then.
    const wait = other.candidate && me.name < other.name ? await outlast(short.path, me.name) : false;
    if (wait) {
      me.hold();
      return async () => {
        await me.withdraw();
        short.close();
      };
    }
    await me.withdraw();
    last = other;
    if (!other.candidate) break;
    await pause(ROUND_MS * (1 + (me.name.charCodeAt(0) % 4)));
  }
  throw lockedBy(root, last?.who ?? '');
}

function lockedBy(root: string, who: string): Fault {
  const by = who === '' ? 'another process' : who;
  return new Fault('cache-locked', `stateDir ${root} is in use by ${by}; one folder serves one agent`);
}

/** Takes a name in the kernel that stands for the folder. Only Linux has such names; elsewhere throws `why`. */
async function lockName(root: string, why: Fault): Promise<Unlock> {
  if (process.platform !== 'linux') throw why;
  const { dev, ino } = statSync(root);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await listening(server, `\0holdfast-${dev}-${ino}`);
  } catch {
    throw lockedBy(root, '');
  }
  return () => new Promise<void>((done) => server.close(() => done()));
}

/** Waits, still shown, for candidates with greater names to step back. True when nobody else is left. */
async function outlast(folder: string, name: string): Promise<boolean> {
  for (let i = 0; i < 10; i++) {
    await pause(ROUND_MS);
    const other = await firstAlive(folder, name);
    if (other === undefined) return true;
    if (!other.candidate || other.name < name) return false;
  }
  return false;
}

/** The living other that matters most: a holder, else the candidate with the least name. Removes the dead. */
async function firstAlive(folder: string, own: string): Promise<(Holder & { name: string }) | undefined> {
  let found: (Holder & { name: string }) | undefined;
  for (const name of readdirSync(folder).sort()) {
    // A hidden one is being made: it refuses until it listens, and is not dead.
    if (!name.endsWith(SUFFIX) || name.startsWith('.') || name === own) continue;
    const holder = await ask(join(folder, name));
    if (!holder.alive) removeDead(join(folder, name));
    else if (!holder.candidate) return { ...holder, name };
    else found ??= { ...holder, name };
  }
  return found;
}

function removeDead(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // What a read-only disk keeps refuses all the same.
    const code = errnoOf(error);
    if (code !== 'ENOENT' && code !== 'EROFS') throw error;
  }
}

interface Shown {
  readonly name: string;
  hold(): void;
  withdraw(): Promise<void>;
}

/** Listens first and takes the visible name after, so that a visible socket that refuses is dead for certain. */
async function show(folder: string): Promise<Shown> {
  const name = `${randomBytes(8).toString('hex')}${SUFFIX}`;
  const hidden = join(folder, `.${name}`);
  let state = 'candidate';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${JSON.stringify({ pid: process.pid, host: hostname(), state })}\n`);
  });
  server.unref();
  await listening(server, hidden);
  renameSync(hidden, join(folder, name));
  return {
    name,
    hold: () => {
      state = 'holder';
    },
    withdraw: async () => {
      removeDead(join(folder, name));
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      server.on('error', () => undefined);
      done();
    });
  });
}

/** Only a refusal proves death: whoever is too busy to answer, stopped, or not ours to ask, is alive. */
function ask(path: string): Promise<Holder> {
  return new Promise((done) => {
    let text = '';
    const socket = connect(path);
    const end = (holder: Holder): void => {
      clearTimeout(timer);
      socket.destroy();
      done(holder);
    };
    const timer = setTimeout(() => end({ alive: true, ...readAnswer(text) }), ANSWER_MS);
    socket.on('data', (part: Buffer) => {
      if (text.length < ANSWER_BYTES) text += part.toString('utf8');
    });
    socket.on('end', () => end({ alive: true, ...readAnswer(text) }));
    socket.on('error', (error) => {
      const code = errnoOf(error);
      const dead = code === 'ECONNREFUSED' || code === 'ENOENT';
      // It went away while we asked: look again.
      if (code === 'ECONNRESET' || code === 'EPIPE') end({ alive: true, candidate: true, who: '' });
      else end({ alive: !dead, ...readAnswer(text) });
    });
  });
}

function readAnswer(text: string): { candidate: boolean; who: string } {
  try {
    const answer = JSON.parse(text) as { pid?: unknown; host?: unknown; state?: unknown };
    const pid = typeof answer.pid === 'number' ? `pid ${answer.pid}` : '';
    const host = typeof answer.host === 'string' ? ` on ${answer.host.slice(0, 64)}` : '';
    return { candidate: answer.state === 'candidate', who: pid === '' ? '' : pid + host };
  } catch {
    return { candidate: false, who: '' };
  }
}

interface ShortFolder {
  readonly path: string;
  close(): void;
}

/** A path to the folder that is short enough for a socket address. */
function shorten(folder: string): ShortFolder {
  const room = PATH_BYTES - 1 - 17 - SUFFIX.length;
  if (Buffer.byteLength(folder) <= room) return { path: folder, close: () => undefined };
  if (process.platform === 'linux') {
    const fd = openSync(folder, 'r');
    return { path: `/proc/self/fd/${fd}`, close: () => closeSync(fd) };
  }
  const detour = mkdtempSync(join(tmpdir(), 'hf-'));
  symlinkSync(folder, join(detour, 'l'));
  return { path: join(detour, 'l'), close: () => rmSync(detour, { recursive: true, force: true }) };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
