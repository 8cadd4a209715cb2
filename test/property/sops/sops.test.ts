import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, Fault, isObject, type Json, type JsonObject } from '../../../src/model/index.ts';
import { readDocuments } from '../../../src/render/kustomize/index.ts';
import { createUnlocker, decryptFile, decryptManifest, type Format, keyRing } from '../../../src/sops/index.ts';
import { blockYaml, encryptValue, type SopsRules, sopsEncrypt, type TestKey, testKey } from '../../support/sops.ts';

let key: TestKey;
let tools: Parameters<typeof decryptFile>[2];

beforeAll(async () => {
  key = await testKey();
  const ring = keyRing({ name: 'keys', entries: [['test.agekey', Buffer.from(key.identity)]] });
  tools = { unlocker: createUnlocker(ring), limits: DEFAULT_LIMITS, heard: () => undefined };
});

const decrypt = async (text: string | Uint8Array, input: Format, output: Format = input): Promise<string> =>
  Buffer.from(await decryptFile(Buffer.from(text), { input, output, where: 'f' }, tools)).toString('utf8');

/** Text that YAML and JSON both carry; keys that do not change the order of an object. */
const words = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    'true',
    '123',
    'null',
    '~',
    '0x1',
    '1_000',
    'yes',
    '2024-01-01',
    ' a ',
    "it's",
    'a: b',
    '#x',
    '- y',
    'ENC[',
  ),
  fc
    .array(fc.constantFrom('a', ' b', 'c ', '', '\ttab', '  deep', '# no comment', 'ü🚀'), { maxLength: 5 })
    .map((l) => l.join('\n')),
);
const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z_. -]{0,8}$/).filter((one) => one !== '__proto__' && one !== 'sops');
const scalar = fc.oneof(
  words,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((n) => !Object.is(n, -0) && Math.abs(n) < 1e15 && (n === 0 || Math.abs(n) > 1e-9)),
  fc.constant(null),
);
const { tree } = fc.letrec<{ value: Json; tree: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('tree'),
  ),
  tree: fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
}));
const rules: fc.Arbitrary<SopsRules> = fc.constantFrom(
  {},
  { encrypted_regex: '^(data|[a-f].*)$' },
  { encrypted_regex: '^(data|[a-f].*)$', mac_only_encrypted: true },
  { unencrypted_suffix: 'e' },
);

const JSONED = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

describe('what was encrypted', () => {
  it('comes back, as JSON and as YAML in every layout', async () => {
    await fc.assert(
      fc.asyncProperty(tree, rules, async (plain, how) => {
        const { documents } = await sopsEncrypt([plain], [key.recipient], how);
        const [encrypted] = documents;
        const json = JSON.stringify(encrypted);
        const want = JSONED(plain);
        expect(JSON.parse(await decrypt(json, 'json'))).toEqual(want);
        expect(JSON.parse(await decrypt(json, 'yaml', 'json'))).toEqual(want);
        const block = blockYaml(encrypted as JsonObject);
        expect(JSON.parse(await decrypt(block, 'yaml', 'json'))).toEqual(want);
        const text = await decrypt(block, 'yaml');
        expect(JSON.parse(JSON.stringify(readDocuments(text, DEFAULT_LIMITS)[0] ?? {}))).toEqual(want);
        expect(text).not.toContain('ENC[AES256_GCM');
      }),
      { numRuns: 150 },
    );
  });

  it('comes back from dotenv', async () => {
    const value = fc.stringMatching(/^[ -~\u00e0-\u00ff]{0,12}$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/), value, { minKeys: 1 }), async (plain) => {
        const { documents } = await sopsEncrypt([plain], [key.recipient]);
        const lines = (map: JsonObject): string =>
          Object.entries(map)
            .map(([k, v]) => `${k}=${String(v).replaceAll('\n', '\\n')}\n`)
            .join('');
        const [{ sops, ...rest }] = documents as readonly [JsonObject];
        const [one] = (sops as { age: JsonObject[] }).age;
        const flat = {
          age__list_0__map_enc: one?.['enc'] ?? '',
          mac: (sops as JsonObject)['mac'] ?? '',
          lastmodified: '2026-01-02T03:04:05Z',
        };
        const prefixed = Object.fromEntries(Object.entries(flat).map(([k, v]) => [`sops_${k}`, v]));
        expect(await decrypt(lines(rest) + lines(prefixed), 'dotenv')).toBe(lines(plain));
      }),
      { numRuns: 60 },
    );
  });
});

/** Ways to change a tree; each gives the changed tree, or undefined where it does not apply. */
type Change = (tree: JsonObject, pick: (n: number) => number, dataKey: Uint8Array) => JsonObject | undefined;

interface Spot {
  readonly holder: { [key: string]: Json } | Json[];
  readonly key: string | number;
  readonly path: readonly string[];
}

function spots(value: Json, path: readonly string[] = []): Spot[] {
  if (Array.isArray(value))
    return (value as Json[]).flatMap((item, i) => [{ holder: value as Json[], key: i, path }, ...spots(item, path)]);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([k, item]) =>
    path.length === 0 && k === 'sops'
      ? []
      : [{ holder: value, key: k, path: [...path, k] }, ...spots(item, [...path, k])],
  );
}
const at = ({ holder, key: k }: Spot): Json => (holder as { [key: string]: Json })[k] as Json;
const put = ({ holder, key: k }: Spot, value: Json): void => {
  (holder as { [key: string]: Json })[k] = value;
};
const isText = (spot: Spot): boolean => typeof at(spot) === 'string' && at(spot) !== '';
const isCipher = (spot: Spot): boolean => isText(spot) && String(at(spot)).startsWith('ENC[AES256_GCM,');
const some = (tree: JsonObject, pick: (n: number) => number, fits: (spot: Spot) => boolean): Spot | undefined => {
  const found = spots(tree).filter(fits);
  return found[pick(found.length)];
};
const meta = (tree: JsonObject): { [key: string]: Json } => tree['sops'] as { [key: string]: Json };
const changing =
  (act: (tree: JsonObject, pick: (n: number) => number, dataKey: Uint8Array) => boolean): Change =>
  (tree, pick, dataKey) => {
    const copy = structuredClone(tree) as JsonObject;
    return act(copy, pick, dataKey) ? copy : undefined;
  };

const CHANGES: Readonly<Record<string, Change>> = {
  'a value is removed': changing((tree, pick) => {
    const spot = some(tree, pick, (one) => isText(one) && !Array.isArray(one.holder));
    if (spot === undefined) return false;
    delete (spot.holder as { [key: string]: Json })[spot.key];
    return true;
  }),
  'a plain value is added': changing((tree) => {
    (tree as { [key: string]: Json })['zz_added'] = 'more';
    return true;
  }),
  'a plain value is changed': changing((tree, pick) => {
    const spot = some(tree, pick, (one) => isText(one) && !isCipher(one));
    if (spot === undefined) return false;
    put(spot, `${String(at(spot))}!`);
    return true;
  }),
  'a value takes the place of another': changing((tree, pick) => {
    const [one, other] = [some(tree, pick, isCipher), some(tree, pick, isCipher)];
    if (one === undefined || other === undefined || one.path.join('/') === other.path.join('/')) return false;
    put(one, at(other));
    return true;
  }),
  'a value of a list stands twice': changing((tree, pick) => {
    const spot = some(tree, pick, (one) => Array.isArray(one.holder) && isText(one));
    if (spot === undefined) return false;
    (spot.holder as Json[]).push(at(spot));
    return true;
  }),
  'two values of a list are swapped': changing((tree, pick) => {
    // Of other lists two values may be equal, or read the same one after another: the MAC knows no ends of values.
    const spot = some(tree, pick, (one) => one.path.join('.') === 'data.list' && isCipher(one));
    if (spot === undefined) return false;
    const list = spot.holder as Json[];
    const j = (Number(spot.key) + 1) % list.length;
    [list[Number(spot.key)], list[j]] = [list[j] as Json, at(spot)];
    return true;
  }),
  'a bit of a value is flipped': changing((tree, pick) => {
    const spot = some(tree, pick, isCipher);
    if (spot === undefined) return false;
    const text = String(at(spot));
    const i = text.indexOf('data:') + 5;
    put(spot, `${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`);
    return true;
  }),
  'a value is plain where it should be encrypted': changing((tree, pick) => {
    const spot = some(tree, pick, isCipher);
    if (spot === undefined) return false;
    put(spot, 'plain');
    return true;
  }),
  'the type of a value is another': changing((tree, pick) => {
    const spot = some(tree, pick, isCipher);
    if (spot === undefined || /type:(?:bool|float|comment)\]$/.test(String(at(spot)))) return false;
    put(spot, String(at(spot)).replace(/type:\w+\]$/, 'type:comment]'));
    return true;
  }),
  'the MAC is taken away': changing((tree) => delete meta(tree)['mac']),
  'the MAC is empty': changing((tree) => {
    meta(tree)['mac'] = '';
    return true;
  }),
  'the MAC is of another file': changing((tree, _pick, dataKey) => {
    meta(tree)['mac'] = encryptValue('0'.repeat(128), dataKey, '2026-01-02T03:04:05Z');
    return true;
  }),
  'the time is another': changing((tree) => {
    meta(tree)['lastmodified'] = '2026-01-02T03:04:06Z';
    return true;
  }),
  'only encrypted values are to count': changing((tree) => {
    const was = meta(tree)['mac_only_encrypted'];
    meta(tree)['mac_only_encrypted'] = was !== true;
    return true;
  }),
  'two rules are set': changing((tree) => {
    meta(tree)['encrypted_regex'] = '.*';
    meta(tree)['encrypted_suffix'] = 'x';
    return true;
  }),
};

describe('what was changed after it was encrypted', () => {
  it.each(Object.keys(CHANGES))('is found: %s', async (what) => {
    let applied = 0;
    const change = CHANGES[what] as Change;
    await fc.assert(
      fc.asyncProperty(tree, rules, fc.infiniteStream(fc.nat()), async (plain, how, numbers) => {
        const base = { ...plain, data: { one: 'first', two: 'second', list: ['x', 'y', 'z'] }, kind: 'Secret' };
        const { documents, key: dataKey } = await sopsEncrypt([base], [key.recipient], how);
        const pick = (n: number): number => (n === 0 ? 0 : (numbers.next().value as number) % n);
        const changed = change(documents[0] as JsonObject, pick, dataKey);
        // What is not encrypted is not covered where the file says so.
        const open = how.mac_only_encrypted === true && /plain value|removed|stands twice/.test(what);
        if (changed === undefined || open) return;
        applied += 1;
        const failure = await decrypt(JSON.stringify(changed), 'json').catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(Fault);
        expect((failure as Fault).code).toBe('decryption-failed');
      }),
      { numRuns: 60 },
    );
    expect(applied).toBeGreaterThan(10);
  });

  it('is found in a text of several documents: one is left out, or moved', async () => {
    const secret = (n: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: n },
      data: { k: n },
    });
    const { documents } = await sopsEncrypt([secret('a'), secret('b'), secret('c')], [key.recipient]);
    const text = (order: readonly number[]): string =>
      order.map((i) => blockYaml(documents[i] as JsonObject)).join('---\n');
    expect(await decryptManifest(text([0, 1, 2]), 'm', tools)).toContain('k: b');
    for (const order of [[0, 1], [1, 0, 2], [2], [0, 0, 1, 2]])
      await expect(decryptManifest(text(order), 'm', tools)).rejects.toThrow(/MAC does not match/);
  });
});

describe('hostile input', () => {
  const dir = join(import.meta.dirname, '..', '..', 'golden', 'sops', 'testdata');
  const vectors = readdirSync(dir).filter((one) => one.includes('.enc.'));
  const FORMATS: readonly Format[] = ['yaml', 'json', 'dotenv', 'ini', 'binary'];

  it('ends in nothing but Faults that show no value', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((one) => Buffer.from(one)),
      fc
        .tuple(
          fc.constantFrom(...vectors),
          fc.array(
            fc.tuple(
              fc.nat(),
              fc.constantFrom(
                '',
                '\n',
                '"',
                ':',
                '  ',
                '- ',
                '{',
                '\0',
                'ENC[',
                '---\n',
                '&a ',
                '*a',
                '#',
                '[sops]\n',
                '__list_9__',
                '9999999999999999999',
              ),
            ),
            { maxLength: 6 },
          ),
        )
        .map(([one, edits]) => {
          let text = readFileSync(join(dir, one)).toString('latin1');
          for (const [where, what] of edits) {
            const i = where % (text.length + 1);
            text = text.slice(0, i) + what + text.slice(i + (where % 3));
          }
          return Buffer.from(text, 'latin1');
        }),
    );
    const keys = readdirSync(join(dir, 'keys'))
      .filter((one) => one.endsWith('.agekey'))
      .map((one) => [one, readFileSync(join(dir, 'keys', one))] as const);
    const open = { ...tools, unlocker: createUnlocker(keyRing({ name: 'keys', entries: keys })) };
    const only = (error: unknown): void => {
      expect(error).toBeInstanceOf(Fault);
      expect(String(error)).not.toMatch(/correct-horse|AGE-SECRET/);
    };
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(...FORMATS), async (input, format) => {
        await decryptFile(input, { input: format, output: format, where: 'f' }, open).catch(only);
        await decryptManifest(input.toString('utf8'), 'm', open).catch(only);
      }),
      { numRuns: 800 },
    );
  }, 300_000);

  it('is bounded: depth, values, bytes, recipients', async () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    await expect(decrypt(`{"a":${deep},"sops":{}}`, 'json')).rejects.toThrow(/limits\.yamlDepth/);
    await expect(decrypt(`a: ${deep}\n`, 'yaml')).rejects.toBeInstanceOf(Fault);
    await expect(decrypt(`{"a":[${'1,'.repeat(300_001)}1]}`, 'json')).rejects.toThrow(/limits\.yamlNodes/);
    await expect(decrypt(' '.repeat(DEFAULT_LIMITS.encryptedFileBytes + 1), 'json')).rejects.toThrow(
      /encryptedFileBytes/,
    );
    const { documents } = await sopsEncrypt([{ a: 'b' }], [key.recipient]);
    const many = structuredClone(documents[0]) as { sops: { age: Json[] } };
    many.sops.age = Array.from({ length: 300 }, () => many.sops.age[0] as Json);
    await expect(decrypt(JSON.stringify(many), 'json')).rejects.toThrow(/encryptedRecipients/);
    const bomb = structuredClone(documents[0]) as { sops: { [key: string]: Json } };
    bomb.sops['encrypted_regex'] = '(a+)+$';
    bomb.sops['x'] = 'a'.repeat(100_000);
    await expect(decrypt(JSON.stringify({ ...bomb, [`${'a'.repeat(50_000)}!`]: 'v' }), 'json')).rejects.toBeInstanceOf(
      Fault,
    );
  });
});
