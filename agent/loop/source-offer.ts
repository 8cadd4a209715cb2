import { type SourceObject, unsupportedFault } from '../../src/flux/index.ts';
import { asFault, Fault, holds, NO_TRAFFIC } from '../../src/model/index.ts';
import { tryArtifact } from './artifact.ts';
import type { BroughtPart } from './env.ts';
import { announce, setConditions } from './source-report.ts';
import { isSuspended, type SourcePorts, type SourceRun } from './source-state.ts';

/** What came of an offer that was taken. */
export interface Taken {
  readonly revision: string;
  /** False when it was here already. */
  readonly isNew: boolean;
}

interface Offer {
  readonly part: BroughtPart;
  readonly settle: (taken: Taken) => void;
  readonly refuse: (fault: Fault) => void;
}

/** Content that was brought for sources, until their next run takes it. */
export interface Offers {
  /** Resolves when the source has taken it; rejects with the Fault of why it does not. */
  give(key: string, part: BroughtPart): Promise<Taken>;
  take(key: string): readonly Offer[];
  /** Refuses what nobody will take any more; without a key everything, also what is given from then on. */
  drop(key: string | undefined): void;
}

export function createOffers(): Offers {
  const open = new Map<string, Offer[]>();
  let over = false;
  const take = (key: string): readonly Offer[] => {
    const found = open.get(key) ?? [];
    open.delete(key);
    return found;
  };
  return {
    give: (key, part) =>
      new Promise((settle, refuse) => {
        if (over) refuse(new Fault('bundle-unclaimed', `${key} takes nothing any more: the agent ends`));
        else open.set(key, [...(open.get(key) ?? []), { part, settle, refuse }]);
      }),
    take,
    drop: (key) => {
      over ||= key === undefined;
      for (const one of key === undefined ? [...open.keys()] : [key])
        for (const offer of take(one)) offer.refuse(new Fault('bundle-unclaimed', `${one} is not declared`));
    },
  };
}

/** Takes what was brought for a source, each as a fetch that found it. Never throws. */
export async function takeOffers(run: SourceRun, offers: Offers, ports: SourcePorts): Promise<void> {
  for (const { part, settle, refuse } of offers.take(run.key)) {
    try {
      settle(await takeOne(run, part, ports));
    } catch (error) {
      const fault = asFault(error);
      // What may pass by itself is no event: it is tried again and again.
      if (!holds(fault) && !ports.signal.aborted)
        ports.env.news.event({
          key: run.key,
          type: 'Warning',
          reason: fault.code.startsWith('bundle-') ? fault.reason : 'BundleRefused',
          message: `${part.path}: ${fault.message}`,
          revision: ports.env.records.source(run.key)?.current.revision ?? '',
        });
      refuse(fault);
    }
  }
}

/** Whether a source is told who has to have signed its content, or by which SHA-256 it goes. */
function proves(object: SourceObject): boolean {
  // Only the very file whose digest is in its status is taken.
  if (object.kind === 'ExternalArtifact') return true;
  if ('verify' in object.spec && object.spec.verify !== undefined) return true;
  return object.kind === 'OCIRepository' && object.spec.ref.digest !== undefined;
}

function unproven(key: string, { kind }: SourceObject): Fault {
  const why = kind === 'Bucket' ? 'a Bucket cannot prove what is brought for it' : 'it has no spec.verify';
  return new Fault('bundle-unproven', `${key} takes nothing from files: inbox.requireVerify is set, and ${why}`);
}

async function takeOne(run: SourceRun, part: BroughtPart, ports: SourcePorts): Promise<Taken> {
  const { env } = ports;
  const { key, object } = run;
  run.generation = object.meta.generation;
  if (object.meta.deleting === true) throw new Fault('bundle-unclaimed', `${key} is being deleted`);
  if (isSuspended(object)) throw new Fault('bundle-unclaimed', `${key} is suspended and takes nothing`);
  const unsupported = unsupportedFault(object);
  if (unsupported !== undefined) throw unsupported;
  if (part.mustProve === true && !proves(object)) throw unproven(key, object);
  const have = env.records.source(key);
  // Of a file only keys to verify by are asked for; the API server, which has the Secrets, may be away.
  const signed = object.kind === 'OCIRepository' && object.spec.verify !== undefined;
  const data = object.kind === 'GitRepository' || signed ? await ports.data(object) : [];
  const work = { source: object, data, have, includes: ports.includes(run) };
  const outcome = await env.workshop.take(work, part, ports.signal);
  if (outcome.kind === 'unchanged') return { revision: outcome.revision, isNew: false };
  const { content, identity } = outcome;
  await env.records.admit(key, { current: content, fetchedAt: env.clock.now(), identity }, NO_TRAFFIC);
  const isNew = have?.current.revision !== content.revision || have.current.root !== content.root;
  if (isNew) {
    env.log.info('revision admitted', { source: key, revision: content.revision, file: part.path });
  }
  const archived = (): Promise<void> => tryArtifact(key, env, ports.signal);
  await (isNew ? announce(run, content, archived, ports) : archived());
  run.observed = object;
  setConditions(run, env);
  return { revision: content.revision, isNew };
}
