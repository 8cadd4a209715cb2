import { Fault, textAt } from '../../../src/model/index.ts';
import type { Answer } from './exchange.ts';
import { statusOf } from './faults.ts';
import { boundTo } from './rbac.ts';
import type { Transport } from './transport.ts';

/** A transport on the same connections, in the same bound, that acts for another user. */
export function impersonating(transport: Transport, user: string, groups: readonly string[]): Transport {
  const headers = { 'Impersonate-User': user, ...(groups.length === 0 ? {} : { 'Impersonate-Group': [...groups] }) };
  return {
    ...transport,
    send: async (request) => {
      const answer = await transport.send({ ...request, headers });
      if (answer.status === 403) refuseImpersonation(answer, user);
      return answer;
    },
    open: (request) => transport.open({ ...request, headers }),
  };
}

/**
 * Throws where it is ourselves who may not impersonate. Kubernetes 1.36 names a rule for the one request, and wants a
 * second one with it; the old rule is enough in every version.
 */
function refuseImpersonation(answer: Answer, user: string): void {
  const said = textAt(statusOf(answer), 'message') ?? '';
  if (!/\bcannot impersonate/.test(said)) return;
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  const whom = name === undefined ? `User ${user}` : `ServiceAccount ${namespace}/${name}`;
  const where = name === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace}`;
  const what = name === undefined ? 'users' : 'serviceaccounts';
  throw new Fault(
    'cluster-denied',
    `the agent may not act for ${whom}: ${said.slice(0, 1_024)}; to allow it, ${where} needs the rule ` +
      `{apiGroups: [""], resources: ["${what}"], verbs: ["impersonate"]}${boundTo(said)}`,
  );
}
