import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { admit, appKey, filesOf, nothingTold, open, perform, renderOf, sourceKey } from '../../property/cache/world.ts';
import { faultDisk } from '../../support/fault-disk.ts';

/* A reader of stateDir written from docs/cache.md alone: what it reads is what the docs promise to other programs. */

const hash = (bytes: Buffer | string): Buffer => createHash('sha256').update(bytes).digest();

interface ReadPack {
  readonly contents: ReadonlyMap<string, { readonly bytes: Buffer; readonly kind: number }>;
  readonly aliases: ReadonlyMap<string, string>;
}

function readPack(pack: Buffer): ReadPack {
  expect(pack.toString('latin1', 0, 8)).toBe('HFPACK01');
  const footer = pack.subarray(-88);
  expect(footer.toString('latin1', 0, 8)).toBe('HFPACKE1');
  expect(hash(footer.subarray(0, 56))).toEqual(footer.subarray(56));
  const [count, aliasCount, start] = [
    footer.readUInt32LE(8),
    footer.readUInt32LE(12),
    Number(footer.readBigUInt64LE(16)),
  ];
  const tables = pack.subarray(start, -88);
  expect(tables).toHaveLength(count * 45 + aliasCount * 24);
  expect(hash(tables)).toEqual(footer.subarray(24, 56));
  const digests: string[] = [];
  const contents = new Map<string, { bytes: Buffer; kind: number }>();
  for (let i = 0; i < count; i++) {
    const row = tables.subarray(i * 45, i * 45 + 45);
    const digest = row.toString('hex', 0, 32);
    digests.push(digest);
    const [offset, stored, size, flags] = [
      row.readUInt32LE(32),
      row.readUInt32LE(36),
      row.readUInt32LE(40),
      row[44] ?? 0,
    ];
    if ((flags & 15) === 2) continue;
    const raw = pack.subarray(offset, offset + stored);
    const bytes = (flags & 15) === 1 ? inflateRawSync(raw) : raw;
    expect([bytes.length, hash(bytes).toString('hex')]).toEqual([size, digest]);
    contents.set(digest, { bytes, kind: flags >> 4 });
  }
  expect(digests).toEqual([...digests].sort());
  const aliases = new Map<string, string>();
  for (let i = 0; i < aliasCount; i++) {
    const row = tables.subarray(count * 45 + i * 24, count * 45 + i * 24 + 24);
    aliases.set(row.toString('hex', 0, 20), digests[row.readUInt32LE(20)] ?? '');
  }
  return { contents, aliases };
}

function readFolder(bytes: Buffer): Map<string, { mode: number; digest: string; alias: string; size: number }> {
  expect(bytes.toString('latin1', 0, 4)).toBe('HFD1');
  let at = 4;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const entries = new Map<string, { mode: number; digest: string; alias: string; size: number }>();
  while (at < bytes.length) {
    const flags = bytes[at++] ?? 0;
    const size = varint();
    const name = take(varint()).toString();
    const digest = (flags & 16) !== 0 ? take(32).toString('hex') : '';
    const alias =
      (flags & 32) !== 0 ? take(varint()).toString('hex') : (flags & 64) !== 0 ? take(varint()).toString() : '';
    entries.set(name, { mode: flags & 7, digest, alias, size });
  }
  return entries;
}

function readState(text: string): { sequence: number; data: Record<string, unknown> } {
  const { schemaVersion, sequence, sha256 } = JSON.parse(text) as Record<string, number | string>;
  const data = text.slice(text.indexOf('"data":') + 7, -2);
  expect(hash(`${schemaVersion}\n${sequence}\n${data}`).toString('hex')).toBe(sha256);
  return { sequence: Number(sequence), data: JSON.parse(data) as Record<string, unknown> };
}

describe('docs/cache.md', () => {
  it('is enough to read a source from its pointer down to the last file', async () => {
    const model = faultDisk();
    const cache = open(model.disk);
    await admit(cache, 0, 1);
    await admit(cache, 0, 2);
    const packs = model
      .files()
      .filter((one) => one.startsWith('packs/'))
      .map((one) => readPack(model.bytes(one)));
    const content = (hex: string): Buffer =>
      packs.find((one) => one.contents.has(hex))?.contents.get(hex)?.bytes ?? Buffer.alloc(0);
    const slots = ['a', 'b'].map((slot) =>
      readState(model.bytes(`sources/GitRepository_flux_repo-0.${slot}.json`).toString()),
    );
    const newest = slots.sort((a, b) => b.sequence - a.sequence)[0];
    expect(newest?.data).toMatchObject({ key: sourceKey(0), current: { revision: 'main@sha1:2' } });
    const { root } = (newest?.data['current'] ?? {}) as { root: string };
    const top = readFolder(content(root.slice(7)));
    for (const [path, text] of filesOf(0, 2)) {
      const [first = '', second] = path.split('/');
      const entry = top.get(first);
      const leaf = second === undefined ? entry : readFolder(content(entry?.digest ?? '')).get(second);
      expect(content(leaf?.digest ?? '').toString()).toBe(text);
      expect([leaf?.mode, leaf?.size]).toEqual([0, text.length]);
      const key = hash(leaf?.alias ?? '').toString('hex', 0, 20);
      expect(packs.some((one) => one.aliases.get(key) === leaf?.digest)).toBe(true);
    }
    const kinds = packs.flatMap((one) => [...one.contents.values()].map(({ kind }) => kind));
    expect([...new Set(kinds)].sort()).toEqual([0, 1]);
  });

  it('is enough to read a render, an inventory and the facts', async () => {
    const model = faultDisk();
    const cache = open(model.disk);
    for (const what of ['good', 'inventory', 'facts'] as const)
      await perform(cache, { do: what, app: 0, version: 4 }, nothingTold());
    const pack = readPack(model.bytes('packs/00000001.pack'));
    const { data } = readState(model.bytes('kustomizations/apps_app-0.a.json').toString());
    const { rendered } = data['lastGood'] as { rendered: string };
    const manifest = pack.contents.get(rendered.slice(7));
    expect(manifest?.kind).toBe(2);
    const { format, objects } = JSON.parse(manifest?.bytes.toString() ?? '') as {
      format: string;
      objects: unknown[][];
    };
    expect(format).toBe('holdfast-render/1');
    const { set, bodies } = renderOf(0, 4);
    objects.forEach(([id, names, hex, size, origin, ssa, flags, needs], i) => {
      const object = set.objects[i];
      const ref = object?.ref;
      expect([id, names, size, origin]).toEqual([
        object?.id,
        [ref?.group, ref?.version, ref?.kind, ref?.namespace, ref?.name],
        object?.size,
        object?.origin,
      ]);
      expect([ssa, flags]).toEqual([0, 1 + (object?.settings.prune ? 4 : 0)]);
      expect((needs as (number | string)[]).map((one) => (typeof one === 'number' ? objects[one]?.[0] : one))).toEqual(
        object?.needs,
      );
      expect(pack.contents.get(`${hex}`)?.bytes).toEqual(bodies.get(`sha256:${hex}`));
    });
    expect(readState(model.bytes('inventories/apps_app-0.a.json').toString()).data).toMatchObject({ key: appKey(0) });
    const lines = model.bytes('facts/apps_app-0.log').toString().trimEnd().split('\n');
    for (const line of lines) expect(hash(line.slice(17)).toString('hex').slice(0, 16)).toBe(line.slice(0, 16));
    expect(JSON.parse(lines[0]?.slice(17) ?? '')).toEqual(['holdfast-facts/1', appKey(0), 'cluster-1']);
    expect(lines).toHaveLength(3);
  });
});
