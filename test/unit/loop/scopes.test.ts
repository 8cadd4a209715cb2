import { describe, expect, it } from 'vitest';
import { inScopes, learnScopes, NO_SCOPES } from '../../../agent/loop/scopes.ts';
import { Fault } from '../../../src/model/index.ts';
import type { ApiSurface, Cluster } from '../../../src/ports/index.ts';
import { rendered, setOf } from '../../support/plans.ts';

const ISSUER = { kind: 'ClusterIssuer', group: 'cert-manager.io' };
const issuer = rendered('ca', 'x', { ...ISSUER, namespace: 'apps' });
const config = rendered('conf', 'y', { namespace: 'apps', needs: [issuer.id] });
const signal = new AbortController().signal;

/** A cluster that serves these kinds, and how often it was asked. */
function serving(kinds: Readonly<Record<string, boolean>>) {
  const asked = { count: 0 };
  const find: ApiSurface['find'] = (gvk) => {
    const namespaced = kinds[gvk.kind];
    return namespaced === undefined ? undefined : { gvk, plural: '', namespaced, verbs: [] };
  };
  const cluster: Pick<Cluster, 'surface'> = {
    surface: async () => {
      asked.count += 1;
      return { find, versions: () => [], all: () => [], isDown: () => false };
    },
  };
  return { asked, cluster };
}

describe('kinds that a cluster serves without namespaces', () => {
  it('have none in their ids, and in those that hang on them', async () => {
    const { cluster } = serving({ ClusterIssuer: false, ConfigMap: true });
    const scopes = await learnScopes(NO_SCOPES, setOf(issuer, config), cluster, signal);
    const [one, two] = inScopes(setOf(issuer, config), scopes).objects;
    expect(one).toEqual({ ...issuer, id: '_ca_cert-manager.io_ClusterIssuer', ref: { ...issuer.ref, namespace: '' } });
    expect(two).toEqual({ ...config, needs: ['_ca_cert-manager.io_ClusterIssuer'] });
  });

  it('are asked for once, and again only what is new or was not served', async () => {
    const { asked, cluster } = serving({ ConfigMap: true });
    const first = await learnScopes(NO_SCOPES, setOf(config), cluster, signal);
    expect(await learnScopes(first, setOf(config), cluster, signal)).toBe(first);
    expect(asked.count).toBe(1);
    const second = await learnScopes(first, setOf(config, issuer), cluster, signal);
    expect([second, asked.count]).toEqual([first, 2]);
    const set = setOf(config, issuer);
    expect(inScopes(set, second)).toBe(set);
    const third = await learnScopes(second, set, serving({ ClusterIssuer: false }).cluster, signal);
    expect([...third.bare]).toEqual(['cert-manager.io/ClusterIssuer']);
  });

  it('stay as they are written where the cluster does not tell', async () => {
    const surface = (): Promise<never> => Promise.reject(new Fault('cluster-denied', 'no'));
    expect(await learnScopes(NO_SCOPES, setOf(issuer), { surface }, signal)).toBe(NO_SCOPES);
  });

  it('do not make two objects one', async () => {
    const { cluster } = serving({ ClusterIssuer: false });
    const twin = rendered('ca', 'z', { ...ISSUER, namespace: 'other' });
    const scopes = await learnScopes(NO_SCOPES, setOf(issuer, twin), cluster, signal);
    expect(inScopes(setOf(issuer, twin), scopes).objects.map(({ id }) => id)).toEqual([
      '_ca_cert-manager.io_ClusterIssuer',
      'other_ca_cert-manager.io_ClusterIssuer',
    ]);
  });

  it('are the very same set while only kinds with namespaces are learned, so that nothing is worked out again', async () => {
    const first = await learnScopes(NO_SCOPES, setOf(issuer), serving({ ClusterIssuer: false }).cluster, signal);
    const second = await learnScopes(first, setOf(issuer, config), serving({ ConfigMap: true }).cluster, signal);
    expect([second === first, second.bare === first.bare]).toEqual([false, true]);
  });
});
