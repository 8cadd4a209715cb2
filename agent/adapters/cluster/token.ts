import { at, Fault, type Json, textAt } from '../../../src/model/index.ts';
import type { AccountToken, TokenAccount } from '../../loop/env.ts';
import { encode } from './calls.ts';
import type { Credentials, Link } from './credentials.ts';
import { type Asked, answerFault, bodyObject } from './faults.ts';
import type { Transport } from './transport.ts';

/** How long a token is asked for, seconds; the API server may give less. */
const LIFE_S = 3_600;
/** The part of its life after which another one is asked for. */
const RENEW_AFTER = 0.8;

/** A token of a ServiceAccount (TokenRequest, authentication.k8s.io/v1). */
export async function accountToken(transport: Transport, account: TokenAccount): Promise<AccountToken> {
  const { namespace, name, audiences } = account;
  const asked: Asked = {
    verb: 'create',
    group: '',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    namespace,
    name,
    subresource: 'token',
  };
  const body: Json = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [...audiences], expirationSeconds: LIFE_S },
  };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`;
  const answer = await transport.send({ verb: 'create', method: 'POST', path, body: encode(body) });
  if (answer.status === 404)
    throw new Fault('kubeconfig-refused', `ServiceAccount ${namespace}/${name} does not exist: create it`);
  if (answer.status !== 201) throw answerFault(answer, asked);
  const object = bodyObject(answer, path);
  const token = textAt(object, 'status', 'token') ?? '';
  const seconds = at(object, 'spec', 'expirationSeconds');
  if (token === '') throw new Fault('cluster-protocol', `the API server gave no token for ${namespace}/${name}`);
  return { token, lifeMs: (typeof seconds === 'number' ? seconds : LIFE_S) * 1_000 };
}

/** A link whose login is a token that is asked for, kept until near its end, and asked for anew when it is refused. */
export function tokenCredentials(link: Link, ask: () => Promise<AccountToken>): Credentials {
  let known: { readonly link: Link; readonly until: number } | undefined;
  let asking: Promise<Link> | undefined;
  const fetch = async (): Promise<Link> => {
    const began = performance.now();
    const { token, lifeMs } = await ask();
    const generation = (known?.link.generation ?? 0) + 1;
    const fresh = { ...link, headers: { Authorization: `Bearer ${token}` }, generation };
    known = { link: fresh, until: began + lifeMs * RENEW_AFTER };
    return fresh;
  };
  const renew = (): Promise<Link> => {
    asking ??= fetch().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  return {
    current: () => (known !== undefined && performance.now() < known.until ? Promise.resolve(known.link) : renew()),
    renew: (seen) =>
      known !== undefined && known.link.generation !== seen.generation ? Promise.resolve(known.link) : renew(),
  };
}
