import { describe, expect, it } from 'vitest';
import { openedBodies, type SealedPorts } from '../../../agent/loop/sealed.ts';
import { AGENT_KEYS, AGENT_SEAL, type DataObject } from '../../../src/flux/index.ts';
import { sha256 } from '../../../src/model/index.ts';
import { agentSource, keySource, sealer } from '../../../src/sops/seal/index.ts';
import { createFakeCluster } from '../../support/fake-cluster/index.ts';
import { kustomizationOf } from './run-world.ts';

const JSON_TEXT = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"team"},"data":{"v":"x"}}';
const FILLS = 'postBuild: { substituteFrom: [{ kind: Secret, name: values }] }';
const OPENS = 'decryption: { provider: sops, secretRef: { name: keys } }';

const data = (name: string, key: string, text: string): DataObject => ({
  kind: 'Secret',
  name,
  namespace: 'team',
  type: 'Opaque',
  data: new Map([[key, Buffer.from(text)]]),
  origin: name === AGENT_SEAL ? 'the seal key' : 'file',
});
const SEAL = data(AGENT_SEAL, 'seal.key', 'k'.repeat(32));
const KEYS = data('keys', 'a.agekey', 'AGE-SECRET-KEY-1');

const byAgent = sealer(agentSource(SEAL), 'team/app').seal(Buffer.from(JSON_TEXT));
const byKeys = sealer(keySource(kustomizationOf(OPENS), [KEYS]), 'team/app').seal(Buffer.from(JSON_TEXT));

/** What the stored bytes are as they are applied. */
async function open(
  spec: string,
  stored: Uint8Array,
  { found = [], own }: { found?: readonly DataObject[]; own?: SealedPorts['own'] },
): Promise<string> {
  const { body } = openedBodies({
    kustomization: kustomizationOf(spec),
    data: async () => found,
    ...(own === undefined ? {} : { own }),
    stored: () => stored,
    cluster: createFakeCluster(),
  });
  return Buffer.from(await body(sha256('any'))).toString('utf8');
}
const own = async (): Promise<DataObject> => SEAL;
const gone = async (): Promise<DataObject> => {
  throw new Error('no key file');
};

describe('what a build has sealed', () => {
  it('is opened by the keys that the spec names', async () => {
    expect(await open(FILLS, byAgent, { found: [SEAL] })).toBe(JSON_TEXT);
    expect(await open(OPENS, byKeys, { found: [KEYS] })).toBe(JSON_TEXT);
    const both = `${FILLS}\n  ${OPENS}`;
    for (const sealed of [byAgent, byKeys]) expect(await open(both, sealed, { found: [SEAL, KEYS] })).toBe(JSON_TEXT);
    expect(await open(both, byAgent, { found: [SEAL] })).toBe(JSON_TEXT);
  });

  it('is opened by the agent’s own key also when the spec names no Secret for variables any more', async () => {
    for (const spec of ['path: ./', OPENS, 'decryption: { provider: sops }'])
      expect(await open(spec, byAgent, { found: spec === OPENS ? [KEYS] : [], own })).toBe(JSON_TEXT);
  });

  it('asks for the agent’s own key only where others do not open it, and does without where it is no help', async () => {
    expect(await open(OPENS, byKeys, { found: [KEYS], own: gone })).toBe(JSON_TEXT);
    await expect(open(OPENS, byKeys, { own: gone })).rejects.toThrow('secrets "keys" not found');
  });

  it('says which keys do not open it', async () => {
    const others = data(AGENT_SEAL, 'seal.key', 'x'.repeat(32));
    await expect(open(FILLS, byAgent, { found: [others] })).rejects.toThrow('other keys than the seal key holds now');
    await expect(open(OPENS, byKeys, { own })).rejects.toThrow('secrets "keys" not found');
    const keys = data('keys', 'a.agekey', 'AGE-SECRET-KEY-2');
    await expect(open(OPENS, byKeys, { found: [keys], own })).rejects.toThrow('than Secret team/keys holds now');
    const agents = data(AGENT_KEYS, 'file.agekey', 'AGE-SECRET-KEY-2');
    await expect(open('decryption: { provider: sops }', byKeys, { found: [agents], own })).rejects.toThrow(
      'other keys than file holds now',
    );
  });
});
