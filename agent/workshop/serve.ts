import { createInterface } from 'node:readline';
import { openCache } from '../../src/cache/index.ts';
import { asFault } from '../../src/model/index.ts';
import type { Log } from '../../src/ports/index.ts';
import { sealArtifact } from '../../src/source/index.ts';
import { systemClock } from '../adapters/clock/index.ts';
import { createDisk } from '../adapters/disk/index.ts';
import { createSsh } from '../adapters/ssh/index.ts';
import { createWire } from '../adapters/wire/index.ts';
import { proxyFor } from '../config/proxy.ts';
import { fetchJob } from './fetch-job.ts';
import { pgpHere, renderJob, type WorkPorts, workMemory } from './jobs.ts';
import { type Answer, faultAnswer, type Job, type Note, type Setup, unpackData } from './protocol.ts';
import { whenWaiting } from './waiting.ts';

/** The child's side: jobs on stdin, answers on stdout, a line each, until stdin ends. */
export async function serveWork(log: Log): Promise<void> {
  const clock = systemClock();
  let ports: WorkPorts | undefined;
  // Who asked is gone, killed perhaps: what is under way must not be written beside its successor.
  process.stdin.once('end', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin })) {
    if (ports === undefined) {
      const setup = JSON.parse(line) as Setup;
      const cache = openCache({
        disk: createDisk(setup.stateDir),
        limits: setup.limits,
        log,
        firstPack: setup.firstPack,
        suspects: setup.suspects,
      });
      const wire = createWire({ proxyFor: proxyFor(setup.proxy), headerBytes: setup.limits.responseHeaderBytes });
      ports = {
        wire,
        ssh: createSsh(setup.ssh),
        pgp: pgpHere,
        cache,
        clock,
        log,
        limits: setup.limits,
        memory: workMemory(),
      };
      continue;
    }
    // What the parent has written meanwhile must be seen.
    ports.cache.rescan();
    const say = (what: Answer | Note): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
    const done = whenWaiting(() => say({ waiting: true }));
    const answer = await answerTo(JSON.parse(line) as Job, ports, (expected) => say({ expected }));
    done();
    say(answer);
  }
}

async function answerTo(job: Job, ports: WorkPorts, onSize: (bytes: number) => void): Promise<Answer> {
  try {
    const never = new AbortController().signal;
    if (job.kind === 'render')
      return { ok: true, value: await renderJob({ ...job.job, data: unpackData(job.job.data) }, ports) };
    if (job.kind === 'verify')
      return { ok: true, value: await pgpHere({ ...job.job, payload: Buffer.from(job.job.payload, 'base64') }) };
    if (job.kind === 'bundle') {
      const { bundleJob } = await import('./bundle.ts');
      return { ok: true, value: await bundleJob({ ...job.job, data: unpackData(job.job.data) }, ports, never) };
    }
    if (job.kind === 'archive') return { ok: true, value: await sealArtifact(ports.cache.store, job.job) };
    return {
      ok: true,
      value: await fetchJob({ ...job.job, data: unpackData(job.job.data) }, ports, { signal: never, onSize }),
    };
  } catch (error) {
    return faultAnswer(asFault(error));
  }
}
