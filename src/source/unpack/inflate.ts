import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { Fault, type LimitName, type Limits } from '../../model/index.ts';

/** How a file is compressed, as its first bytes show. */
export type Coding = 'gzip' | 'zstd' | 'none';

/** What a small archive may become, whatever its ratio. */
const FREE_BYTES = 16 * 1024 * 1024;
const OUT_BYTES = 65_536;

type Bounds = Pick<Limits, 'treeBytes' | 'treeFiles' | 'artifactRatio' | 'zstdWindowBytes'>;

const treeBound = ({ treeBytes, treeFiles }: Bounds): Most => ({
  bytes: treeBytes + treeFiles * 2_048,
  shown: treeBytes,
  limit: 'treeBytes',
});

/** Looks at the first four bytes: gzip (RFC 1952), a frame of zstd or one that is skipped (RFC 8878), or neither. */
export function codingOf(start: Uint8Array): Coding {
  const [a = 0, b = 0, c = 0, d = 0] = start;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  return (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18 ? 'zstd' : 'none';
}

/** Undoes a compression as the bytes come. What it throws once it throws again. */
export interface Inflater {
  push(bytes: Uint8Array): Promise<void>;
  /** No more bytes come. Fault `source-refused` where the stream has not ended. */
  end(): Promise<void>;
  close(): void;
}

/** What a stream may become, and how it is told. */
export interface Most {
  readonly bytes: number;
  /** The value of the limit, which may be less. */
  readonly shown: number;
  readonly limit: LimitName;
}

export interface InflateOptions {
  readonly limits: Bounds;
  readonly what: string;
  readonly room?: () => Promise<void> | undefined;
  /** What it may become; limits.treeBytes, and what headers take, when absent. */
  readonly most?: Most;
}

/**
 * Bytes go to `take` as they come out, 64 KiB at most at once; what it throws ends the reading. After each piece `room` is
 * asked, and where it answers a promise nothing more comes out before that is kept. Several members or frames after each
 * other are one stream. `what` is the file's name in messages. Faults `source-refused` for bytes that are no such stream,
 * `source-bounds` (that of `most`, limits.artifactRatio, zstdWindowBytes).
 */
export function createInflater(
  coding: Exclude<Coding, 'none'>,
  { limits, what, room = () => undefined, most = treeBound(limits) }: InflateOptions,
  take: (bytes: Uint8Array) => void,
): Inflater {
  const flow: Flow = { input: 0, output: 0, failed: undefined };
  const out = (bytes: Uint8Array): void => {
    flow.output += bytes.length;
    if (flow.output > most.bytes) throw tooLarge(what, `larger than ${most.shown} bytes (limits.${most.limit})`);
    if (flow.output > FREE_BYTES && flow.output > limits.artifactRatio * flow.input)
      throw tooLarge(what, `more than ${limits.artifactRatio} times larger than itself (limits.artifactRatio)`);
    take(bytes);
  };
  const plan: Plan = { flow, out, room, wrong: (error) => wrongOf(coding, what, limits, error) };
  if (coding === 'zstd') return zstdInflater(plan, { limits, what });
  const gunzip = listening(createGunzip({ chunkSize: OUT_BYTES, finishFlush: constants.Z_FINISH }), plan);
  return {
    push: async (bytes) => {
      flow.input += bytes.length;
      await written(gunzip, bytes, flow);
    },
    end: () => ended(gunzip, flow),
    close: () => void gunzip.destroy(),
  };
}

interface Flow {
  input: number;
  output: number;
  failed: unknown;
}

interface Plan {
  readonly flow: Flow;
  readonly out: (bytes: Uint8Array) => void;
  readonly room: NonNullable<InflateOptions['room']>;
  readonly wrong: (error: Error) => Fault;
}

type Engine = Gunzip | ZstdDecompress;

function listening<T extends Engine>(engine: T, { flow, out, room, wrong }: Plan): T {
  const failed = (error: unknown): void => {
    flow.failed ??= error;
    engine.destroy();
  };
  engine.on('error', (error: Error) => {
    flow.failed ??= wrong(error);
  });
  engine.on('data', (bytes: Buffer) => {
    if (flow.failed !== undefined) return;
    try {
      out(bytes);
      const waits = room();
      if (waits === undefined) return;
      engine.pause();
      waits.then(() => engine.resume(), failed);
    } catch (error) {
      failed(error);
    }
  });
  return engine;
}

/** Waits for what was begun; an engine that has closed will not answer any more. */
function settled(engine: Engine, flow: Flow, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      engine.off('close', done);
      if (flow.failed === undefined) resolve();
      else reject(flow.failed);
    };
    if (flow.failed !== undefined || engine.destroyed) return done();
    engine.once('close', done);
    begin(done);
  });
}

const written = (engine: Engine, bytes: Uint8Array, flow: Flow): Promise<void> =>
  settled(engine, flow, (done) => void engine.write(bytes, done));

const ended = (engine: Engine, flow: Flow): Promise<void> =>
  settled(engine, flow, (done) => {
    engine.once('end', done);
    engine.end();
  });

/** Node's engine ends with the frame where more bytes follow it; the next frame gets a new one. */
function zstdInflater(
  plan: Plan,
  { limits, what }: { readonly limits: Pick<Bounds, 'treeFiles' | 'zstdWindowBytes'>; readonly what: string },
): Inflater {
  const { flow } = plan;
  const params = { [constants.ZSTD_d_windowLogMax]: windowLog(limits.zstdWindowBytes) };
  let engine: ZstdDecompress | undefined;
  let frames = 0;
  const next = (): ZstdDecompress => {
    frames += 1;
    if (frames > limits.treeFiles)
      throw new Fault('source-bounds', `the ${what} has more than ${limits.treeFiles} frames (limits.treeFiles)`);
    return listening(createZstdDecompress({ chunkSize: OUT_BYTES, params }), plan);
  };
  return {
    push: async (bytes) => {
      flow.input += bytes.length;
      for (let rest = bytes; rest.length > 0; ) {
        engine ??= next();
        const before = engine.bytesWritten;
        await written(engine, rest, flow);
        const used = engine.bytesWritten - before;
        if (used >= rest.length) return;
        if (used === 0 && engine.bytesWritten === 0) throw plan.wrong(new Error('there is no frame'));
        // What it still holds, because there was no room, comes before the next frame's.
        await ended(engine, flow);
        rest = rest.subarray(used);
        engine = undefined;
      }
    },
    end: () => ended(engine ?? next(), flow),
    close: () => void engine?.destroy(),
  };
}

/** The power of 2 that is not larger, as far as zstd has it. */
const windowLog = (bytes: number): number => Math.min(31, Math.max(10, Math.floor(Math.log2(bytes))));

function tooLarge(what: string, how: string): Fault {
  return new Fault('source-bounds', `the unpacked ${what} is ${how}`);
}

function wrongOf(coding: string, what: string, limits: Pick<Bounds, 'zstdWindowBytes'>, error: Error): Fault {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ZSTD_error_frameParameter_windowTooLarge')
    return new Fault(
      'source-bounds',
      `the ${what} was compressed with a window of more than ${limits.zstdWindowBytes} bytes (limits.zstdWindowBytes)`,
      { cause: error },
    );
  const why = code === 'Z_BUF_ERROR' ? 'unexpected EOF' : `invalid data (${code === '' ? error.message : code})`;
  return new Fault('source-refused', `the ${coding} of the ${what} cannot be read: ${why}`, { cause: error });
}
