import { createHash, type Hash } from 'node:crypto';
import { type Digest, Fault, isOfLink, type Limits } from '../model/index.ts';
import type { Clock, Log, PartialContent, Partials, WireResponse } from '../ports/index.ts';
import type { Attempt } from './attempt.ts';

/** Attempts without a byte, one after another, before a transfer is given up for now. */
const FRUITLESS = 3;
const PAUSE_MS = 500;
const READ_BYTES = 1024 * 1024;

/** A file that is known by its digest, and how it is asked for. */
export interface Download {
  /** Names the source, for the transfer that goes on later. */
  readonly owner: string;
  readonly digest: Digest;
  /** Bytes; undefined where nobody has told: then the end of the answer is its end. */
  readonly size: number | undefined;
  /** What it is called in messages: `layer`. */
  readonly what: string;
  /** How the request is called in messages. */
  name(): string;
  /** A GET with these headers; answers with status 200, 206 or 416, else throws the Fault for it. */
  ask(headers: Readonly<Record<string, string>>, maxBytes: number): Promise<WireResponse>;
}

/** What a transfer needs of who makes it. */
export interface TransferPorts {
  readonly partials: Partials;
  readonly clock: Clock;
  readonly log: Log;
  readonly attempt: Attempt;
  readonly limits: Pick<Limits, 'artifactBytes' | 'partialBytes'>;
  readonly signal?: AbortSignal | undefined;
  /** Told before the transfer how many bytes are to come, where that is known. */
  readonly onSize?: ((bytes: number) => void) | undefined;
  /** Told when something has been kept for good. */
  readonly onKept?: (() => void) | undefined;
}

/**
 * Brings a file to this disk, whole and proven by its digest. What an attempt before has received is not asked for
 * again, and a link that breaks is taken up as long as each try brings something; what came is kept when this fails.
 */
export async function bringFile(ports: TransferPorts, download: Download): Promise<PartialContent> {
  const { limits, partials, clock, log } = ports;
  const { owner, digest, size, what } = download;
  if ((size ?? 0) > limits.artifactBytes)
    throw new Fault(
      'source-bounds',
      `the ${what} has ${size} bytes, limits.artifactBytes allows ${limits.artifactBytes}`,
    );
  // So much is kept free on the disk for it, too.
  const most = size ?? Math.min(limits.artifactBytes, limits.partialBytes);
  const content = await partials.open(owner, { digest, size: most, at: clock.now() });
  const before = content.size() > 0;
  const transfer: Transfer = { ports, download, content, most, hash: hashOf(content), before, anew: false };
  if (size !== undefined) ports.onSize?.(size - content.size());
  log.info(`fetching a ${what}`, { source: owner, bytes: size, here: content.size() });
  // Of unknown size, all may be here already.
  if (size === undefined && transfer.before && digestOf(transfer) === digest) return content;
  for (;;) {
    await complete(transfer);
    const found = digestOf(transfer);
    if (found === digest) return content;
    const text = `the ${what} (${content.size()} bytes) has the digest ${found} and not ${digest}`;
    // What was here before may have been damaged by a power cut: then it is worth a second try.
    const again = transfer.before;
    await startOver(transfer);
    if (!again) throw new Fault('source-corrupt', text);
  }
}

interface Transfer {
  readonly ports: TransferPorts;
  readonly download: Download;
  readonly content: PartialContent;
  /** Its size, or the bound of it where that is not known. */
  readonly most: number;
  /** Of what is in `content`. */
  hash: Hash;
  /** Some of it came in an attempt before. */
  before: boolean;
  /** The server had nothing behind what was here, and the transfer has begun anew. */
  anew: boolean;
}

const digestOf = ({ hash }: Transfer): string => `sha256:${hash.copy().digest('hex')}`;

function hashOf(content: PartialContent): Hash {
  const hash = createHash('sha256');
  for (let at = 0; at < content.size(); at += READ_BYTES)
    hash.update(content.read(at, Math.min(READ_BYTES, content.size() - at)));
  return hash;
}

async function startOver(transfer: Transfer): Promise<void> {
  await transfer.content.drop();
  transfer.hash = createHash('sha256');
  transfer.before = false;
}

/** Receives until all bytes are here. */
async function complete(transfer: Transfer): Promise<void> {
  const { content, ports, download } = transfer;
  const { attempt, clock, signal } = ports;
  for (let fruitless = 0; download.size === undefined || content.size() < download.size; ) {
    const before = content.size();
    try {
      if (await receive(transfer)) return;
      fruitless = 0;
    } catch (error) {
      await content.keep();
      if (content.size() > before) ports.onKept?.();
      if (signal?.aborted === true || !(error instanceof Fault) || !isOfLink(error.code)) throw error;
      fruitless = content.size() > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS || attempt.left() <= PAUSE_MS * fruitless + 1) throw error;
      if (fruitless > 0) await clock.sleep(PAUSE_MS * fruitless, signal);
    }
  }
}

/** One exchange: what the server sends is added behind what is here. False when it begins anew. */
async function receive(transfer: Transfer): Promise<boolean> {
  const { ports, download, content, most } = transfer;
  const from = content.size();
  const range = from === 0 ? {} : { range: `bytes=${from}-` };
  const response = await download.ask({ 'accept-encoding': 'identity', ...range }, most + 1);
  try {
    if (response.status === 416) {
      await beginAnew(transfer, from);
      return false;
    }
    checkHead(response, download, from);
    await take(transfer, response, response.status === 206 ? 0 : from);
  } catch (error) {
    const passed = error instanceof Fault && error.code === 'source-bounds';
    throw passed ? tooMuch(transfer) : error;
  } finally {
    response.close();
    ports.attempt.spend(response.count());
  }
  const whole = download.size ?? totalOf(response);
  if (whole !== undefined && content.size() < whole)
    throw new Fault('wire-cut', `${download.name()}: ${content.size()} of ${whole} bytes came: unexpected EOF`);
  return true;
}

/** Bytes of the whole, where the answer is a part of it that says so. */
function totalOf({ status, headers }: WireResponse): number | undefined {
  const total = status === 206 ? /\/([0-9]{1,15})$/.exec(headers['content-range'] ?? '')?.[1] : undefined;
  return total === undefined ? undefined : Number(total);
}

/** What is here goes nowhere on from: it is dropped. Once: a server that says so again would be asked for ever. */
async function beginAnew(transfer: Transfer, from: number): Promise<void> {
  const { anew, download } = transfer;
  await startOver(transfer);
  transfer.anew = true;
  if (anew || from === 0)
    throw new Fault(
      'wire-protocol',
      `${download.name()}: the server says that the ${download.what} has no byte ${from} (status 416)${anew ? ', again' : ''}`,
    );
}

/** Whether these can be the bytes that were asked for; else not one of them is kept. */
function checkHead({ headers, status }: WireResponse, download: Download, from: number): void {
  const { size, what } = download;
  const coding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (coding !== 'identity' && coding !== '')
    throw new Fault(
      'wire-protocol',
      `${download.name()}: the ${what} comes with a content-encoding that was not asked for`,
    );
  if (status === 206) {
    const range = /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(headers['content-range'] ?? '');
    const other = range?.[2] !== '*' && size !== undefined && Number(range?.[2]) !== size;
    if (Number(range?.[1] ?? -1) !== from || other)
      throw new Fault('wire-protocol', `${download.name()}: the server sends another part than was asked for`);
    return;
  }
  const length = headers['content-length'];
  if (size !== undefined && length !== undefined && Number(length) !== size)
    throw new Fault('source-corrupt', `${download.name()}: ${length} bytes come, and the ${what} is to have ${size}`);
}

/** Adds a body, without the first `skip` bytes: those are here already. */
async function take(transfer: Transfer, response: WireResponse, skip: number): Promise<void> {
  const { hash, content, most } = transfer;
  let left = skip;
  for await (const part of response.body) {
    const bytes = part.subarray(Math.min(left, part.length));
    left -= part.length - bytes.length;
    if (bytes.length === 0) continue;
    if (content.size() + bytes.length > most) throw tooMuch(transfer);
    await content.append(bytes);
    hash.update(bytes);
  }
}

function tooMuch({ download, most, ports }: Transfer): Fault {
  const { size, what } = download;
  const limit = most < ports.limits.artifactBytes ? 'partialBytes' : 'artifactBytes';
  return size === undefined
    ? new Fault('source-bounds', `the ${what} is larger than ${most} bytes (limits.${limit})`)
    : new Fault('source-corrupt', `more bytes come than the ${size} that the ${what} is to have`);
}
