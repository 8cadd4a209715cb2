import { load } from 'js-yaml';
import type { JsonObject } from '../../../src/model/index.ts';
import type { ClusterAccess } from '../../controlplane/index.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const GROUP = 'rbac.authorization.k8s.io';

/** Creates an object; one that is there already is left. */
async function make(cluster: ClusterAccess, path: string, object: JsonObject): Promise<void> {
  const answer = await cluster.api('POST', path, object);
  if (answer.status !== 201 && answer.status !== 409) throw new Error(`${path}: ${answer.text}`);
}

/** A ServiceAccount, in a namespace that is made where it is missing. */
export async function account(cluster: ClusterAccess, namespace: string, name: string): Promise<void> {
  await make(cluster, '/api/v1/namespaces', { metadata: { name: namespace } });
  await make(cluster, `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
}

export interface Grant {
  /** '' for the whole cluster. */
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly JsonObject[];
  readonly subject: JsonObject;
}

/** A (Cluster)Role with these rules, bound. */
export async function grant(cluster: ClusterAccess, { namespace, name, rules, subject }: Grant): Promise<void> {
  const kind = namespace === '' ? 'ClusterRole' : 'Role';
  const inside = namespace === '' ? '' : `/namespaces/${namespace}`;
  await make(cluster, `${RBAC}${inside}/${kind.toLowerCase()}s`, { metadata: { name }, rules });
  await make(cluster, `${RBAC}${inside}/${kind.toLowerCase()}bindings`, {
    metadata: { name },
    roleRef: { apiGroup: GROUP, kind, name },
    subjects: [subject],
  });
}

export const subjectOf = (namespace: string, name: string): JsonObject => ({ kind: 'ServiceAccount', namespace, name });

const PRINTED =
  /(?:a (ClusterRole)|a Role in namespace (\S+)) needs the rule (\{.*?\}), bound to (ServiceAccount|User) (\S+)/g;

/** Grants every rule that a message prints, word by word as an operator would. Gives how many there were. */
export async function grantPrinted(cluster: ClusterAccess, message: string, name: string): Promise<number> {
  let count = 0;
  for (const [, , namespace = '', rule = '', kind, who = ''] of message.matchAll(PRINTED)) {
    const [space = '', account = ''] = who.replace(/[;,]$/, '').split('/');
    const subject = kind === 'User' ? { apiGroup: GROUP, kind, name: space } : subjectOf(space, account);
    count += 1;
    await grant(cluster, { namespace, name: `${name}-${count}`, rules: [load(rule) as JsonObject], subject });
  }
  return count;
}
