import { asFault, type KubeObject } from '../../src/model/index.ts';
import type { Clock, Cluster, Log } from '../../src/ports/index.ts';
import type { Loop } from '../loop/index.ts';
import { FLUX_KINDS, keyOfRef, refOf } from './kinds.ts';
import { statusOf } from './tracked.ts';

export interface TurnsPorts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespaces: readonly string[];
  readonly labelSelector: string;
  readonly loop: () => Loop | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called when this agent works again. */
  readonly onTurn: () => void;
}

const RETRY_MS = 3_000;

/**
 * Lets the loop stay back while another agent works for the objects, and go on from where that one stopped: with its
 * inventories, before anything is applied or pruned. The answer is called with who works, as a Rival tells it.
 */
export function createTurns(ports: TurnsPorts): (why: string | undefined) => void {
  const { signal } = ports;
  let now: string | undefined = '';
  let rivalled = false;
  const goOn = async (): Promise<void> => {
    while (rivalled && now === undefined && !signal.aborted) {
      try {
        await adopt(ports);
        rivalled = now !== undefined;
      } catch (error) {
        ports.log.warn('not known yet what Flux has left', { error: asFault(error).message });
        await ports.clock.sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
    if (now !== undefined || signal.aborted) return;
    ports.loop()?.standBack(undefined);
    ports.onTurn();
  };
  return (why) => {
    now = why;
    if (why === undefined) void goOn();
    else {
      rivalled ||= why !== '';
      ports.loop()?.standBack(why);
    }
  };
}

async function adopt({ cluster, namespaces, labelSelector, loop, signal }: TurnsPorts): Promise<void> {
  for (const kind of FLUX_KINDS)
    for (const namespace of namespaces.length === 0 ? [''] : namespaces) {
      const each = (object: KubeObject): void => loop()?.adopt(keyOfRef(refOf(kind, object)), statusOf(object));
      const scope = { ...(namespace === '' ? {} : { namespace }), ...(labelSelector === '' ? {} : { labelSelector }) };
      await cluster.list(kind, { metadataOnly: false, signal, ...scope }, each).catch((error: unknown) => {
        if (asFault(error).code !== 'kind-unknown') throw error;
      });
    }
}
