import type { GitHttpRequest, GitHttpResponse, PromiseFsClient } from 'isomorphic-git';
import { Fault } from '../../model/index.ts';
import { type Answer, call } from './http.ts';
import { type ObjectShelf, readPack } from './pack.ts';
import type { PackIndex } from './pack-index.ts';
import { type Choice, commitMissing } from './pick.ts';
import { readPackets } from './pkt.ts';
import { listRefs } from './refs.ts';
import type { GitSession } from './request.ts';
import { findPack, sideband } from './upload-pack.ts';

/** What is asked of a server without protocol v2. */
interface LegacyWish {
  readonly ref: string;
  /** Undefined: with all history. */
  readonly depth: number | undefined;
}

/**
 * Fetches from a server that speaks protocol v0 or v1 only. isomorphic-git negotiates; its request is carried by the
 * session's wire, and the pack goes to our own reader, so that the same checks and bounds hold. Always a whole tree.
 */
export async function fetchLegacy(session: GitSession, choice: Choice, shelf: ObjectShelf): Promise<PackIndex> {
  const wish = await wishOf(session, choice);
  const { default: git } = await import('isomorphic-git');
  const taken = new Error('the pack was read');
  let index: PackIndex | undefined;
  const request = async (wanted: GitHttpRequest): Promise<GitHttpResponse> => {
    if (wanted.method !== 'POST') return await advertise(session, wanted);
    index = await readAnswer(session, await bodyText(wanted.body), shelf);
    throw taken;
  };
  try {
    await git.fetch({
      fs: NO_FILES,
      gitdir: '/git',
      http: { request },
      // It knows no ssh; what it would send goes by our own call in any case.
      url: session.url.replace(/^ssh:/, 'https:'),
      remoteRef: wish.ref,
      ref: wish.ref,
      singleBranch: true,
      tags: false,
      ...(wish.depth === undefined ? {} : { depth: wish.depth }),
    });
  } catch (error) {
    if (error === taken && index !== undefined) {
      if (choice.ref === undefined && index.find(choice.want) === undefined) throw commitMissing(choice.want);
      return index;
    }
    if (error instanceof Fault) throw error;
    throw legacyFault(error);
  }
  throw new Fault('wire-protocol', `the server sends no pack`);
}

/** A commit cannot be asked for by protocol v0: a ref that is at it, or the branch with its history. */
async function wishOf(session: GitSession, choice: Choice): Promise<LegacyWish> {
  if (choice.ref !== undefined) return { ref: choice.ref, depth: 1 };
  const { refs } = await listRefs(session, { prefixes: [''], peel: true, keep: () => true });
  const branch = choice.label === '' ? 'HEAD' : `refs/heads/${choice.label}`;
  const at = refs.find(
    ({ name, oid, peeled }) =>
      (oid === choice.want || peeled === choice.want) && (choice.label === '' || name === branch),
  );
  if (at !== undefined) return { ref: at.name, depth: 1 };
  if (!refs.some((ref) => ref.name === branch)) throw commitMissing(choice.want);
  return { ref: branch, depth: undefined };
}

async function advertise(session: GitSession, wanted: GitHttpRequest): Promise<GitHttpResponse> {
  const answer = await call(session, {
    path: '/info/refs?service=git-upload-pack',
    maxBytes: session.limits.advertisedRefs * 512,
    limit: 'advertisedRefs',
    compress: true,
  });
  if (answer.fault !== undefined) {
    answer.close();
    throw answer.fault;
  }
  return {
    url: wanted.url,
    method: 'GET',
    statusCode: answer.status,
    statusMessage: 'OK',
    headers: { 'content-type': 'application/x-git-upload-pack-advertisement' },
    body: closing(answer),
  };
}

async function* closing(answer: Answer): AsyncIterableIterator<Uint8Array> {
  try {
    yield* answer.body;
  } finally {
    answer.close();
  }
}

/** Sends what isomorphic-git made of the wish and reads the pack of the answer (gitprotocol-pack). */
async function readAnswer(session: GitSession, body: string, shelf: ObjectShelf): Promise<PackIndex> {
  const answer = await call(session, {
    path: '/git-upload-pack',
    body,
    maxBytes: session.limits.packBytes * 2,
    limit: 'packBytes',
  });
  try {
    if (answer.fault !== undefined) throw answer.fault;
    const packets = readPackets(answer.body, { pieces: true });
    await findPack(packets, session, 'NAK');
    return await readPack(sideband(packets, session), shelf, session.limits);
  } finally {
    answer.close();
  }
}

async function bodyText(body: GitHttpRequest['body']): Promise<string> {
  const parts: Uint8Array[] = [];
  if (body !== undefined) for await (const part of body as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

function legacyFault(error: unknown): Fault {
  const text = error instanceof Error ? error.message.slice(0, 200) : 'unknown error';
  return new Fault('wire-protocol', text, { cause: error });
}

const missing = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' }));

/** A file system without files: nothing is kept between fetches, and the pack never comes to be written. */
const NO_FILES: PromiseFsClient = {
  promises: {
    readFile: missing,
    writeFile: missing,
    unlink: missing,
    readdir: missing,
    mkdir: missing,
    rmdir: missing,
    stat: missing,
    lstat: missing,
    readlink: missing,
    symlink: missing,
    chmod: missing,
  },
};
