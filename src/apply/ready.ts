import { BUILT_IN } from '../health/index.ts';
import { type Health, type ObjectId, type Receipt, refText, type Step } from '../model/index.ts';
import type { ApplyOptions, ApplyPorts } from './ports.ts';

type WaitStep = Extract<Step, { do: 'wait' }>;

const POLL_MS = 100;

/**
 * Waits until what a stage applied is ready for use: definitions are established, namespaces active. What is not ready in
 * time counts as failed, so that what hangs on it is held.
 */
export async function awaitReady(
  step: WaitStep,
  ports: ApplyPorts,
  options: ApplyOptions,
  known: { readonly receipts: Map<ObjectId, Receipt>; readonly verdicts: ReadonlyMap<ObjectId, Health> },
): Promise<void> {
  const { receipts, verdicts } = known;
  const judge = ports.judge ?? BUILT_IN;
  const fresh = step.ids.flatMap((id) => {
    const receipt = receipts.get(id);
    return receipt !== undefined &&
      (receipt.did === 'created' || receipt.did === 'configured' || receipt.did === 'replaced')
      ? [receipt]
      : [];
  });
  const end = ports.clock.monotonic() + step.timeoutMs;
  let open = fresh.filter((receipt) => judge.hasHealth(receipt.ref) && verdicts.get(receipt.id)?.status !== 'Current');
  while (open.length > 0 && !options.signal.aborted) {
    const states = await Promise.all(
      open.map(async (receipt) => ({ receipt, ...(await notReady(receipt, ports, options.signal)) })),
    );
    const waiting = states.filter((state) => state.message !== '');
    open = waiting.map((state) => state.receipt);
    if (open.length === 0) break;
    // What is being deleted never becomes ready: it is applied again by the next attempt, once it is gone.
    const going = waiting.filter((state) => state.going);
    fail(going, receipts);
    open = open.filter((receipt) => !going.some((state) => state.receipt === receipt));
    if (open.length === 0) break;
    if (ports.clock.monotonic() > end) return fail(waiting, receipts);
    await ports.clock.sleep(POLL_MS, options.signal).catch(() => undefined);
  }
  const definitions = fresh.some((receipt) => receipt.ref.kind === 'CustomResourceDefinition');
  if (definitions) await ports.cluster.surface({ fresh: true, signal: options.signal });
}

interface Unready {
  /** '' when it is ready. */
  readonly message: string;
  /** It is being deleted, or gone. */
  readonly going: boolean;
}

async function notReady(receipt: Receipt, ports: ApplyPorts, signal: AbortSignal): Promise<Unready> {
  try {
    const object = await ports.cluster.read(receipt.ref, { signal });
    if (object === undefined) return { message: 'is not there', going: true };
    const { status, message } = (ports.judge ?? BUILT_IN).health(object);
    return { message: status === 'Current' ? '' : message || status, going: status === 'Terminating' };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error), going: false };
  }
}

function fail(waiting: readonly { receipt: Receipt; message: string }[], receipts: Map<ObjectId, Receipt>): void {
  for (const { receipt, message } of waiting) {
    receipts.set(receipt.id, {
      ...receipt,
      did: 'failed',
      message: `${refText(receipt.ref)} is not ready in time: ${message}`,
      fault: 'health-failed',
    });
  }
}
