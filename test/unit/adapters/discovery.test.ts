import { expect, it } from 'vitest';
import { createDiscovery } from '../../../agent/adapters/cluster/discovery.ts';
import type { Transport } from '../../../agent/adapters/cluster/transport.ts';

const LONG_MS = 60_000;

/** An API server that serves one kind more each time that it is asked. */
function growing(): Pick<Transport, 'send'> {
  let asked = 0;
  return {
    send: async ({ path }) => {
      asked += 1;
      const resource = { resource: `k${asked}s`, responseKind: { kind: `K${asked}` }, scope: 'Cluster', verbs: [] };
      const items = [{ metadata: { name: path }, versions: [{ version: 'v1', resources: [resource] }] }];
      const body = Buffer.from(JSON.stringify({ kind: 'APIGroupDiscoveryList', items }));
      return { status: 200, contentType: 'application/json', etag: '', retryAfterMs: undefined, body };
    },
  };
}

it('whoever waits for another surface than the one they saw does not wait where there is one already', async () => {
  const discovery = createDiscovery(growing() as Transport);
  const seen = await discovery.surface();
  const newer = await discovery.surface({ fresh: true });
  expect(newer).not.toBe(seen);
  const { signal } = new AbortController();
  await discovery.changed(seen, LONG_MS, signal);
  let came = false;
  const waiting = discovery.changed(newer, LONG_MS, signal).then(() => {
    came = true;
  });
  await Promise.resolve();
  expect(came).toBe(false);
  await discovery.surface({ fresh: true });
  await waiting;
});
