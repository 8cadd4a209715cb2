import { createDisk } from '../../agent/adapters/disk/index.ts';
import { Fault } from '../../src/model/index.ts';
import type { Disk } from '../../src/ports/index.ts';
import {
  copyFolder,
  type Errno,
  type FileNode,
  type FolderNode,
  find,
  modelFiles,
  newFolder,
  type Process,
  seeded,
  survivor,
  walk,
} from './model-files.ts';

export { type Errno, seeded } from './model-files.ts';

/*
 * The product's own Disk adapter on a model of a file system that is as nasty as POSIX allows: data that was not synced
 * may be lost, cut or zeroed, and names that were not synced may be lost or kept, each for itself, when the power goes.
 */

export interface FaultDisk {
  /** The Disk of the running process. */
  readonly disk: Disk;
  /** System calls so far that change something. */
  steps(): number;
  /** The process dies in this step (counted from 1); a write in it is done by half. */
  cutAt(step: number): void;
  /** This step fails; with `stays` all later ones that need room or the device as well. */
  failAt(step: number, code: Errno, options?: { readonly stays?: boolean }): void;
  isCut(): boolean;
  /** The disk after a power cut; what was not synced is kept or lost by the seed. */
  powerCut(seed: number): FaultDisk;
  /** The disk after kill -9: everything the kernel was told is there, synced or not. */
  restart(): FaultDisk;
  /** All files, with their paths inside stateDir. */
  files(): readonly string[];
  bytes(path: string): Buffer;
  /** Turns one bit of a file. */
  flip(path: string, bit: number): void;
  /** Puts bytes in place of a file, durably. */
  plant(path: string, bytes: Uint8Array): void;
  /** Writes write only a part of what they are given, now and then. */
  shortWrites(seed: number): void;
}

const ROOT = '/state';

/** An empty disk. */
export function faultDisk(): FaultDisk {
  return onModel(newFolder());
}

function onModel(top: FolderNode): FaultDisk {
  const process: Process = { top, step: 0, cut: 0, dead: false, fail: undefined, short: undefined };
  let locked = false;
  const lock = async () => {
    if (locked)
      throw new Fault('cache-locked', `stateDir ${ROOT} is in use by pid 1 on model; one folder serves one agent`);
    locked = true;
    return async () => {
      locked = false;
    };
  };
  const fileAt = (path: string): FileNode => {
    const node = find(top, `${ROOT}/${path}`);
    if (node?.kind !== 'file') throw new Error(`no file ${path}`);
    return node;
  };
  const put = (path: string, bytes: Buffer): void => {
    const node = fileAt(path);
    node.data = bytes;
    node.synced = bytes;
  };
  return {
    disk: createDisk(ROOT, { files: modelFiles(process), lock }),
    steps: () => process.step,
    cutAt: (step) => {
      process.cut = step;
    },
    failAt: (step, code, options) => {
      process.fail = { step, code, stays: options?.stays ?? false };
    },
    isCut: () => process.dead,
    powerCut: (seed) => {
      process.dead = true;
      return onModel(survivor(top, seeded(seed)) as FolderNode);
    },
    restart: () => {
      process.dead = true;
      return onModel(copyFolder(top));
    },
    files: () => walk(find(top, ROOT), ''),
    bytes: (path) => fileAt(path).data,
    flip: (path, bit) => {
      const bytes = Buffer.from(fileAt(path).data);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      put(path, bytes);
    },
    plant: (path, bytes) => put(path, Buffer.from(bytes)),
    shortWrites: (seed) => {
      process.short = seeded(seed);
    },
  };
}
