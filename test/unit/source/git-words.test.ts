import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, type SourceRevision } from '../../../src/model/index.ts';
import { fetchSource, type SourceRequest } from '../../../src/source/git/index.ts';
import { type FakeAnswer, fakeWire } from '../../support/fake-wire.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { realTime, silentLog } from '../../support/quiet.ts';

const URL_ = 'https://git.example/team/site/';
const COMMIT = '1'.repeat(40);
const HAVE: SourceRevision = { revision: `main@sha1:${COMMIT}`, root: 'sha256:00', metadata: {}, keep: [] };

/** The answer of a server of protocol v2 to `ls-refs`. */
const listing = (...names: readonly string[]): FakeAnswer => ({
  headers: { 'content-type': 'application/x-git-upload-pack-result' },
  parts: [...names.map((name) => line(`${'2'.repeat(40)} ${name}\n`)), '0000'],
});
const line = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text;

/** What is said of a fetch that a server answers so. */
async function saidOf(answer: FakeAnswer, request: Partial<SourceRequest>): Promise<string> {
  const ports = {
    wire: fakeWire(new Map([['https://git.example', () => answer]])),
    store: memoryStore(),
    clock: realTime,
    log: silentLog,
  };
  const whole: SourceRequest = {
    url: URL_,
    ref: { branch: 'main' },
    sparseCheckout: [],
    recurseSubmodules: false,
    includes: [],
    timeoutMs: 2_000,
    ...request,
  };
  const error: unknown = await fetchSource(ports, whole, { limits: DEFAULT_LIMITS }).catch((thrown: unknown) => thrown);
  if (!(error instanceof Fault)) throw new Error('the fetch did not fail');
  return error.message;
}

const CHECKOUT = 'failed to checkout and determine revision: ';
const CLONE = `${CHECKOUT}unable to clone '${URL_}': `;
const LIST = `${CHECKOUT}unable to list remote for '${URL_}': `;

describe('a Git fetch that fails begins with the words of Flux', () => {
  it.each([
    ['nothing is here yet', {}, CLONE],
    ['a revision is here', { have: HAVE }, LIST],
    ['a revision of a tag is here', { have: HAVE, ref: { tag: 'v1' } }, LIST],
    ['a ref is asked for by its name', { ref: { name: 'refs/pull/1/head' } }, LIST],
    ['versions are looked through', { have: HAVE, ref: { semver: '*' } }, CLONE],
    ['a tag goes before versions', { have: HAVE, ref: { semver: '*', tag: 'v1' } }, LIST],
    ['a commit is asked for', { have: HAVE, ref: { commit: '3'.repeat(40) } }, CLONE],
  ])('where %s', async (_when, request, lead) => {
    const said = await saidOf({ status: 401 }, request);
    expect(said).toBe(`${lead}authentication required: unauthorized`);
  });

  it.each([
    [{ branch: 'nope' }, `${CLONE}couldn't find remote ref "refs/heads/nope"`],
    [{ tag: 'v9' }, `${CLONE}couldn't find remote ref "refs/tags/v9"`],
    [{ semver: '>=9' }, `${CHECKOUT}no match found for semver: >=9`],
    [{ semver: 'x.y' }, `${CHECKOUT}semver parse error: improper constraint: "x.y"`],
    [{ commit: 'abc' }, `${CHECKOUT}unable to resolve commit object for 'abc': object not found`],
    [
      { name: 'refs/x' },
      `${CHECKOUT}unable to resolve ref 'refs/x' to a specific commit: couldn't find remote ref "refs/x"`,
    ],
  ])('where the server does not have %o', async (ref, said) => {
    expect(await saidOf(listing('refs/heads/main'), { ref })).toBe(said);
  });

  it.each([
    ['a branch at first', { ref: { branch: 'main' } }, `git repository is empty: '${URL_}'`],
    ['a branch that was here', { have: HAVE }, `${LIST}remote repository is empty`],
    [
      'a tag',
      { ref: { tag: 'v1' } },
      `${CHECKOUT}unable to clone: remote repository is empty: git repository: '${URL_}'`,
    ],
    ['a name', { ref: { name: 'refs/x' } }, `${LIST}remote repository is empty`],
  ])('of a repository without refs, for %s', async (_what, request, said) => {
    expect(await saidOf(listing(), request)).toBe(said);
  });

  it('of a server that cannot be reached, without a login of the URL', async () => {
    const url = 'https://somebody:s3cret@away.example/x';
    expect(await saidOf({}, { url })).toBe(
      `${CHECKOUT}unable to clone 'https://***@away.example/x': away.example: connection refused`,
    );
  });
});
