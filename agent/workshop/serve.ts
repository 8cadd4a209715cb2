import { createInterface } from 'node:readline';
import { openCache } from '../../src/cache/index.ts';
import { asFault } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { sealArtifact } from '../../src/source/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { createDisk } from '../adapters/disk/index.ts';
import { createSsh, unlockNow } from '../adapters/ssh/index.ts';
import { createWire } from '../adapters/wire/index.ts';
import { proxyFor } from '../config/proxy.ts';
import { type FetchJobOptions, fetchJob } from './fetch-job.ts';
import { pgpHere, renderJob, type WorkPorts, workMemory } from './jobs.ts';
import { type Answer, faultAnswer, type Job, type Order, type Said, type Setup, unpackData } from './protocol.ts';
import { whenWaiting } from './waiting.ts';

/** The child's side: jobs on stdin, answers on stdout, a line each, until stdin ends. */
export async function serveWork(log: Log): Promise<void> {
  let ports: WorkPorts | undefined;
  const underWay = new Map<number, AbortController>();
  // Who asked is gone, killed perhaps: what is under way must not be written beside its successor.
  process.stdin.once('end', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin })) {
    if (ports === undefined) {
      ports = portsOf(JSON.parse(line) as Setup, log);
      continue;
    }
    const order = JSON.parse(line) as Order;
    if ('cancel' in order) underWay.get(order.cancel)?.abort();
    else void work(order, ports, underWay);
  }
}

function portsOf(setup: Setup, log: Log): WorkPorts {
  const { stateDir, limits, firstPack, suspects } = setup;
  return {
    wire: createWire({ proxyFor: proxyFor(setup.proxy), headerBytes: limits.responseHeaderBytes }),
    ssh: createSsh(setup.ssh),
    pgp: pgpHere,
    cache: openCache({ disk: createDisk(stateDir), limits, log, firstPack, suspects }),
    clock: systemClock(),
    log,
    limits,
    memory: workMemory(),
  };
}

async function work(
  { id, job }: { readonly id: number; readonly job: Job },
  ports: WorkPorts,
  underWay: Map<number, AbortController>,
): Promise<void> {
  const calledOff = new AbortController();
  underWay.set(id, calledOff);
  const say = (what: Said): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
  const done = whenWaiting(() => say({ id, note: { waiting: true } }));
  const answer = await answerTo(job, ports, {
    signal: calledOff.signal,
    onSize: (expected) => say({ id, note: { expected } }),
    onMoved: seldom((moved) => say({ id, note: { moved } })),
  });
  done();
  underWay.delete(id);
  say({ id, answer });
}

/** Between two words about what has moved: a bucket has an exchange an object. */
const SELDOM_MS = 1_000;

/** The first at once, then the newest whenever one comes and the last was long ago. The answer tells the rest. */
function seldom<T>(say: (what: T) => void): (what: T) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (what) => {
    const now = performance.now();
    if (now - last < SELDOM_MS) return;
    last = now;
    say(what);
  };
}

async function answerTo(job: Job, ports: WorkPorts, how: FetchJobOptions): Promise<Answer> {
  try {
    // What the parent has written meanwhile must be seen.
    ports.cache.rescan();
    if (job.kind === 'render')
      return { ok: true, value: await renderJob({ ...job.job, data: unpackData(job.job.data) }, ports) };
    if (job.kind === 'verify')
      return { ok: true, value: await pgpHere({ ...job.job, payload: Buffer.from(job.job.payload, 'base64') }) };
    if (job.kind === 'unlock') return { ok: true, value: { identity: await unlockNow(job.job) } };
    if (job.kind === 'bundle') {
      const { bundleJob } = await import('./bundle.ts');
      return { ok: true, value: await bundleJob({ ...job.job, data: unpackData(job.job.data) }, ports, how.signal) };
    }
    if (job.kind === 'unwrap') {
      const { unwrapJob } = await import('./unwrap.ts');
      return { ok: true, value: await unwrapJob(job.job, ports.limits, how) };
    }
    if (job.kind === 'archive') return { ok: true, value: await sealArtifact(ports.cache.store, job.job, how.signal) };
    return { ok: true, value: await fetchJob({ ...job.job, data: unpackData(job.job.data) }, ports, how) };
  } catch (error) {
    return faultAnswer(asFault(error));
  }
}
