import type { RequestVerb } from './stats.ts';

/** What was asked, for messages and for the RBAC rule that would allow it. */
export interface Asked {
  readonly verb: RequestVerb;
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string | undefined;
}

/** What a request needs to be allowed; server-side apply creates what is not there. */
const RBAC_VERBS: Readonly<Record<RequestVerb, readonly string[]>> = {
  get: ['get'],
  list: ['list'],
  watch: ['watch'],
  apply: ['create', 'patch'],
  'apply-dry-run': ['create', 'patch'],
  patch: ['patch'],
  replace: ['update'],
  create: ['create'],
  delete: ['delete'],
  discovery: ['get'],
};

const ESCALATION = /attempting to grant RBAC permissions/;

/** RBAC and privilege escalation checks; all else that answers 403 is admission (quota, policies, webhooks). */
export function isRbac(said: string): boolean {
  return /cannot [a-z:-]+ (resource|path|nonResourceURL)/i.test(said) || ESCALATION.test(said) || said === '';
}

/** The rule that would allow what was denied, as an operator writes it, and whom to bind it to. */
export function allowRule(said: string, asked: Asked): string {
  if (ESCALATION.test(said)) return escalationRule(said, asked);
  const parsed = /cannot ([a-z:-]+) resource "([^"]+)" in API group "([^"]*)"/.exec(said);
  const applies = parsed?.[1] === 'patch' || parsed?.[1] === 'create';
  const verbs =
    parsed?.[1] === undefined || (applies && /^apply/.test(asked.verb)) ? RBAC_VERBS[asked.verb] : [parsed[1]];
  const resource =
    parsed?.[2] ?? (asked.subresource === undefined ? asked.plural : `${asked.plural}/${asked.subresource}`);
  const rule = ruleText(parsed?.[3] ?? asked.group, [resource], verbs);
  const where = roleIn(/in the namespace "([^"]+)"/.exec(said)?.[1]);
  return `to allow it, ${where} needs the rule ${rule}${boundTo(said)}`;
}

const roleIn = (namespace: string | undefined): string =>
  namespace === undefined ? 'a ClusterRole' : `a Role in namespace ${namespace}`;

function ruleText(group: string, resources: readonly string[], verbs: readonly string[]): string {
  const list = (texts: readonly string[]): string => texts.map((text) => JSON.stringify(text)).join(', ');
  return `{apiGroups: ["${group}"], resources: [${list(resources)}], verbs: [${list(verbs)}]}`;
}

/** Nobody may grant what he does not hold, unless one of these verbs says so. */
function escalationRule(said: string, asked: Asked): string {
  const binding = asked.kind === 'RoleBinding' || asked.kind === 'ClusterRoleBinding';
  const resources = binding && asked.kind === 'RoleBinding' ? ['clusterroles', 'roles'] : ['clusterroles'];
  const rule = binding
    ? ruleText(asked.group, resources, ['bind'])
    : ruleText(asked.group, [asked.plural], ['escalate']);
  const where = roleIn(asked.namespace === '' ? undefined : asked.namespace);
  return `to allow it, hold these permissions, or ${where} needs the rule ${rule}${boundTo(said)}`;
}

/** Whom the API server took us for; '' where it does not say. */
export function boundTo(said: string): string {
  const user = /[Uu]ser "([^"]+)"/.exec(said)?.[1];
  if (user === undefined) return '';
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  return `, bound to ${account === null ? `User ${user}` : `ServiceAccount ${account[1]}/${account[2]}`}`;
}
