import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { createSigner, dsseBundle, statement } from '../../support/signatures.ts';
import { tarGz } from '../../support/tar-builder.ts';
import { alice, broughtSite, MANIFEST, memoryRegistry, packed, VERIFY } from '../../unit/source-bundle/artifacts.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const layers = fc.array(
  fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 300 }), { maxKeys: 4 }),
  {
    minLength: 1,
    maxLength: 4,
  },
);

/** What a site has of a file, or why not. */
async function outcome(bytes: Buffer, verify = {}): Promise<{ revision: string; root: string } | Fault> {
  const site = broughtSite();
  try {
    const taken = await site.take(bytes, verify);
    if (taken.kind !== 'fetched') throw new Error(taken.kind);
    return { revision: taken.content.revision, root: taken.content.root };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(site.store.open()).toBe(0);
    return error;
  }
}

describe('any artifact in a bundle', () => {
  it('arrives as it was, and as a difference to any other', async () => {
    await fc.assert(
      fc.asyncProperty(layers, layers, async (before, after) => {
        const registry = memoryRegistry();
        const first = registry.artifact(
          'latest',
          before.map((files) => tarGz(files)),
        );
        const site = broughtSite();
        await site.take(await packed(registry));
        expect(site.have?.revision).toBe(`latest@${first}`);
        // The newer one may lean on any layer of the older one, the site's own or not.
        const second = registry.artifact(
          'latest',
          [...after, ...before].map((files) => tarGz(files)),
        );
        const whole = await outcome(await packed(registry));
        const difference = await packed(registry, { base: `latest@${first}` });
        const had = JSON.stringify(before[0]) === JSON.stringify(after[0]);
        const leftOut = before.some((one) => JSON.stringify(one) === JSON.stringify(after[0]));
        if (leftOut && !had) return;
        await site.take(difference);
        expect(whole).toEqual({ revision: `latest@${second}`, root: site.have?.root });
      }),
      { numRuns: 60 },
    );
  });

  it('with bytes that were changed brings what it had, or nothing', async () => {
    const registry = memoryRegistry();
    const digest = registry.artifact('latest', [tarGz({ 'a.yaml': 'a: 1\n' }), Buffer.from('more')]);
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...registry.blob(Buffer.from('{}')) };
    const [good, bad] = [alice, createSigner()].map((signer) => {
      const layer = { mediaType: BUNDLE, ...registry.blob(dsseBundle(signer, statement(digest))) };
      const subject = { mediaType: MANIFEST, digest, size: 1 };
      return { ...registry.put({ artifactType: BUNDLE, config, layers: [layer], subject }), artifactType: BUNDLE };
    });
    for (const one of [bad, good]) if (one !== undefined) registry.refer(digest, one);
    const bytes = await packed(registry, { request: VERIFY });
    const right = await outcome(bytes, VERIFY);
    expect(right).toMatchObject({ revision: `latest@${digest}` });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        async (flips) => {
          const broken = Buffer.from(bytes);
          for (const [at, by] of flips) broken[at] = (broken[at] ?? 0) ^ by;
          const found = await outcome(broken, VERIFY);
          if (found instanceof Fault) refused += 1;
          else expect(found).toEqual(right);
        },
      ),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
