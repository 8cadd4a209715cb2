import { describe, expect, it } from 'vitest';
import { headerOf } from '../../../../src/source/artifact/header.ts';
import { type TarMember, tarReader } from '../../../../src/source/tar/index.ts';
import { paxRecord, type TarPart, tarOf, tarPart } from '../../../support/tar-builder.ts';

interface Read {
  readonly members: readonly (TarMember & { readonly text: string })[];
  readonly ended: boolean;
}

/** Reads an archive in pieces of a size. */
function read(archive: Uint8Array, step = 100_000): Read {
  const members: { member: TarMember; parts: Buffer[]; whole: boolean }[] = [];
  const reader = tarReader({
    begin: (member) => void members.push({ member, parts: [], whole: false }),
    data: (bytes) => void members.at(-1)?.parts.push(Buffer.from(bytes)),
    end: () => {
      const last = members.at(-1);
      if (last !== undefined) last.whole = true;
    },
  });
  for (let at = 0; at < archive.length; at += step) reader.push(archive.subarray(at, at + step));
  reader.end();
  expect(members.every(({ whole }) => whole)).toBe(true);
  return {
    members: members.map(({ member, parts }) => ({ ...member, text: Buffer.concat(parts).toString('utf8') })),
    ended: reader.ended(),
  };
}

const fails = (archive: Uint8Array): unknown => {
  try {
    read(archive);
  } catch (error) {
    return error;
  }
  return 'it was read';
};

const extra = (flag: string, content: string | Buffer): TarPart => ({ path: 'extra', flag, content });

describe('tarReader', () => {
  it.each([1, 7, 511, 512, 513, 100_000])('reads files, folders and links in pieces of %i bytes', (step) => {
    const archive = tarOf([
      { path: 'a/', flag: '5', mode: 0o755 },
      { path: 'a/run', content: 'x'.repeat(700), mode: 0o755 },
      { path: 'a/empty' },
      { path: 'soft', flag: '2', link: '/etc' },
      { path: 'hard', flag: '1', link: 'a/run', size: 5 },
      { path: 'old/', flag: '\0' },
      { path: 'a/b', content: 'b', flag: '\0' },
    ]);
    expect(read(archive, step)).toEqual({
      ended: true,
      members: [
        { path: 'a/', type: 'dir', executable: true, size: 0, mtime: 0, text: '' },
        { path: 'a/run', type: 'file', executable: true, size: 700, mtime: 0, text: 'x'.repeat(700) },
        { path: 'a/empty', type: 'file', executable: false, size: 0, mtime: 0, text: '' },
        { path: 'soft', type: 'link', executable: false, size: 0, mtime: 0, text: '' },
        { path: 'hard', type: 'hardlink', executable: false, size: 0, mtime: 0, text: '' },
        { path: 'old/', type: 'dir', executable: false, size: 0, mtime: 0, text: '' },
        { path: 'a/b', type: 'file', executable: false, size: 1, mtime: 0, text: 'b' },
      ],
    });
  });

  it('reads long names of every form, cut at any byte', () => {
    const long = `${'ä'.repeat(120)}/${'n'.repeat(90)}`;
    const archive = tarOf([
      extra('x', Buffer.concat([paxRecord('mtime', '1.5'), paxRecord('path', long)])),
      { path: 'short', content: '1' },
      extra('L', `${long}\0`),
      { path: 'short', content: '2' },
      extra('g', paxRecord('path', 'for-all')),
      { path: 'plain', content: '3' },
      extra('K', `${long}\0`),
      { path: 'link', flag: '2', link: 'x' },
      extra('x', paxRecord('size', '4')),
      { path: 'sized', content: 'four', size: 0 },
      Buffer.from(headerOf({ path: `${'p'.repeat(120)}/${'n'.repeat(90)}`, mode: 'dir', size: 0 })),
    ]);
    for (const step of [1, 3, 512, 100_000])
      expect(read(archive, step).members.map(({ path, text }) => [path, text])).toEqual([
        [long, '1'],
        [long, '2'],
        ['plain', '3'],
        ['link', ''],
        ['sized', 'four'],
        [`${'p'.repeat(120)}/${'n'.repeat(90)}/`, ''],
      ]);
  });

  it('takes an archive without its end mark, or with nothing', () => {
    expect(read(tarOf([{ path: 'a', content: 'a' }], false)).members).toHaveLength(1);
    expect(read(Buffer.alloc(0)).members).toEqual([]);
    expect(read(Buffer.concat([tarOf([{ path: 'a' }]), Buffer.from('anything')])).members).toHaveLength(1);
  });

  it.each<[string, Buffer, string]>([
    ['a wrong sum', tarOf([{ path: 'a', sum: 5 }]), 'wrong sum'],
    ['text', Buffer.from('hello'.repeat(300)), 'wrong sum'],
    [
      'something behind one block of zeros',
      Buffer.concat([Buffer.alloc(512), tarOf([{ path: 'a' }])]),
      'behind its end',
    ],
    ['a size that is no number', tarOf([Buffer.from(withSize('zzz'))]), 'size'],
    ['a negative size', tarOf([Buffer.from(withSize(Buffer.from([0xff, ...Array<number>(11).fill(0xff)])))]), 'size'],
    ['a size of 2^80', tarOf([Buffer.from(withSize(Buffer.from([0x80, 1, ...Array<number>(10).fill(0)])))]), 'size'],
    ['a device', tarOf([{ path: 'a', flag: '4' }]), 'a device'],
    ['a pipe', tarOf([{ path: 'a', flag: '6' }]), 'a pipe'],
    ['GNU sparse', tarOf([{ path: 'a', flag: 'S' }]), 'sparse'],
    ['pax sparse', tarOf([extra('x', paxRecord('GNU.sparse.major', '1')), { path: 'a' }]), 'sparse'],
    ['an unknown kind', tarOf([{ path: 'a', flag: 'Q' }]), 'unknown kind'],
    ['a name that is not UTF-8', tarOf([extra('L', Buffer.from([0xff, 0xfe, 0])), { path: 'a' }]), 'UTF-8'],
    ['a pax record that is too long', tarOf([extra('x', '99 path=a\n'), { path: 'a' }]), 'pax'],
    ['a pax record without a key', tarOf([extra('x', '4 =\n'), { path: 'a' }]), 'pax'],
    ['a pax record of length 0', tarOf([extra('x', '0 path=a\n'), { path: 'a' }]), 'pax'],
    ['a zero byte in a path', tarOf([extra('x', paxRecord('path', 'a\0b')), { path: 'a' }]), 'UTF-8'],
    ['a size of pax that is none', tarOf([extra('x', paxRecord('size', '1e3')), { path: 'a' }]), 'size'],
    ['a header of 2 MiB in front', tarOf([{ ...extra('x', ''), size: 2 << 20 }]), 'longer than'],
    ['a folder with content', tarOf([{ path: 'a/', content: 'x' }]), 'folder with content'],
  ])('refuses %s', (_what, archive, why) => {
    expect(fails(archive)).toMatchObject({ code: 'source-refused', message: expect.stringContaining(why) });
  });

  it('says of a cut archive that it is cut, wherever', () => {
    const archive = tarOf([extra('x', paxRecord('path', 'b')), { path: 'a', content: 'x'.repeat(600) }]);
    const ends = new Set([0, archive.length - 1_024, archive.length - 512]);
    for (let at = 1; at < archive.length - 1_024; at += 37)
      if (!ends.has(at)) expect(fails(archive.subarray(0, at))).toMatchObject({ code: 'wire-cut' });
  });
});

/** A header block with a size field of one's own. */
function withSize(size: string | Buffer): Buffer {
  const head = tarPart({ path: 'a' });
  head.fill(0, 124, 136);
  Buffer.from(size).copy(head, 124);
  head.write('        ', 148, 'latin1');
  const sum = head.reduce((all, one) => all + one, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return head;
}
