import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseKnownHosts } from '../../../src/trust/index.ts';

const key = (name: string, type = 'ssh-ed25519'): Buffer => {
  const part = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  return Buffer.concat([part(type), part(name)]);
};
const line = (names: string, blob: Buffer, type = 'ssh-ed25519'): string =>
  `${names} ${type} ${blob.toString('base64')}`;
const hashed = (name: string): string => {
  const salt = Buffer.from('0123456789abcdefghij');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};
const [A, B] = [key('a'), key('b')];
const judge = (text: string, host = 'git.example.com', port = 22, blob = A): string =>
  parseKnownHosts(text).judge(host, port, blob);

describe('known_hosts', () => {
  it.each([
    ['a name', line('git.example.com', A)],
    ['a name in another case', line('Git.EXAMPLE.com', A)],
    ['several names and a comment', `${line('other,git.example.com,1.2.3.4', A)} a comment`],
    ['a pattern', line('*.example.com', A)],
    ['a pattern of one character', line('g?t.example.com', A)],
    ['a hash', line(hashed('git.example.com'), A)],
    ['another key beside', `${line('git.example.com', B)}\n# comment\n\n${line('git.example.com', A)}`],
    ['tabs and line ends of Windows', `${line('git.example.com', A).replaceAll(' ', '\t')}\r\n`],
  ])('knows a key by %s', (_what, text) => expect(judge(text)).toBe('known'));

  it('tells what it is otherwise', () => {
    expect(judge('')).toBe('unknown');
    expect(judge(line('example.com', A))).toBe('unknown');
    expect(judge(line('*.example.com,!git.example.com', A))).toBe('unknown');
    expect(judge(line(hashed('other'), A))).toBe('unknown');
    expect(judge(line('git.example.com', B))).toBe('mismatch');
    expect(judge(line('git.example.com', key('a', 'ssh-rsa'), 'ssh-rsa'))).toBe('mismatch');
    expect(judge(`@revoked ${line('*', A)}\n${line('git.example.com', A)}`)).toBe('revoked');
    expect(judge(`@cert-authority ${line('*.example.com', A)}`)).toBe('authority');
    expect(judge(`@cert-authority ${line('*', B)}\n${line('git.example.com', A)}`)).toBe('known');
  });

  it('counts ports other than 22 with the name', () => {
    expect(judge(line('[git.example.com]:2222', A), 'git.example.com', 2222)).toBe('known');
    expect(judge(line('git.example.com', A), 'git.example.com', 2222)).toBe('unknown');
    expect(judge(line('[git.example.com]:2222', A))).toBe('unknown');
    expect(judge(line('[git.example.com]:22', A))).toBe('known');
    expect(judge(line('[git.example.com]:22', A), 'git.example.com', 2222)).toBe('unknown');
    expect(judge(line('*,![git.example.com]:22', A))).toBe('unknown');
    expect(judge(line(hashed('[git.example.com]:2222'), A), 'git.example.com', 2222)).toBe('known');
    expect(judge(line('[::1]:2222', A), '::1', 2222)).toBe('known');
  });

  it('names the kinds of keys of a host', () => {
    const text = [line('h', A), line('h', key('r', 'ssh-rsa'), 'ssh-rsa'), `@revoked ${line('h', B)}`].join('\n');
    expect(parseKnownHosts(text).types('h', 22)).toEqual(['ssh-ed25519', 'ssh-rsa']);
    expect(parseKnownHosts(text).types('x', 22)).toEqual([]);
  });

  it.each([
    'host',
    'host ssh-ed25519',
    'host ssh-ed25519 !!!!',
    `host ssh-rsa ${A.toString('base64')}`,
    `@unknown ${line('host', A)}`,
    '@revoked host',
    'host ssh-ed25519 AAAA',
  ])('that cannot be read name the line and nothing of it: %s', (text) => {
    expect(() => parseKnownHosts(`${line('ok', A)}\n${text}`)).toThrow(/^line 2 of known_hosts cannot be read$/);
  });

  it('takes no time for patterns of stars', () => {
    const names = `${'*a'.repeat(5_000)}b`;
    expect(judge(line(names, A), 'a'.repeat(5_000))).toBe('unknown');
  });
});
