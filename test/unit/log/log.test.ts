import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, isSecretName, type LogOptions, redactText } from '../../../agent/adapters/log/index.ts';
import { manualClock } from '../../support/manual-clock.ts';

function capture(options: Partial<LogOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line));
  return { lines, log: createLog({ clock: manualClock(), write, ...options }) };
}

describe('log', () => {
  it('writes one JSON line an event with level, time, fields and message', () => {
    const { lines, log } = capture();
    log.info('applied', { objects: 3, ok: true, names: ['a', 'b'], nothing: undefined });
    expect(lines).toEqual([
      { level: 'info', ts: '2026-01-01T00:00:00.000Z', objects: 3, ok: true, names: ['a', 'b'], msg: 'applied' },
    ]);
  });

  it('keeps an event with line breaks on one line', () => {
    const raw: string[] = [];
    createLog({ clock: manualClock(), write: (line) => raw.push(line) }).info('a\nb', { text: 'c\r\nd' });
    expect(raw).toHaveLength(1);
    expect(raw[0]?.trimEnd()).not.toContain('\n');
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = capture({ level: 'warn' });
    log.debug('no');
    log.info('no');
    log.warn('yes');
    log.error('yes');
    expect(lines.map((line) => line['level'])).toEqual(['warn', 'error']);
  });

  it('adds fields to every line and keeps them when nested', () => {
    const { lines, log } = capture();
    log.with({ kind: 'GitRepository' }).with({ name: 'x', token: 'abc' }).warn('late', { attempt: 2 });
    expect(lines[0]).toMatchObject({ kind: 'GitRepository', name: 'x', token: '[redacted]', attempt: 2 });
  });

  it('names the object that a line is about as Flux does, so that `flux logs` finds it', () => {
    const { lines, log } = capture();
    log.with({ kustomization: 'Kustomization/apps/web' }).info('applied');
    log.info('fetched', { source: 'GitRepository/apps/web', name: 'own' });
    log.info('other', { source: 'none' });
    expect(lines[0]).toMatchObject({ controllerKind: 'Kustomization', namespace: 'apps', name: 'web' });
    expect(lines[1]).toMatchObject({ controllerKind: 'GitRepository', namespace: 'apps', name: 'own' });
    expect(lines[2]).not.toHaveProperty('controllerKind');
  });

  it('does not let a field replace level, time or message', () => {
    const { lines, log } = capture();
    log.info('real', { msg: 'forged', level: 'error', ts: 'never' });
    expect(lines[0]).toMatchObject({ msg: 'real', level: 'info', msg_: 'forged', level_: 'error', ts_: 'never' });
  });

  it('goes on with a clock that shows no date', () => {
    const { lines, log } = capture({ clock: { now: () => Number.NaN } });
    log.info('still here');
    expect(lines[0]?.['ts']).toBe('1970-01-01T00:00:00.000Z');
  });
});

describe('redaction', () => {
  it.each([
    'password',
    'gitPassword',
    'bearerToken',
    'Authorization',
    'client-key-data',
    'tls.key',
    'client_secret',
    'apiKey',
  ])('never shows a field called %s', (name) => {
    const { lines, log } = capture();
    log.info('x', { [name]: 'hunter2' });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it.each(['secretRef', 'secretName', 'key', 'tokenizer', 'author', 'revision'])('shows a field called %s', (name) => {
    expect(isSecretName(name)).toBe(false);
  });

  it.each([
    ['https://user:pa55w0rd@git.example/x', 'pa55w0rd'],
    ['https://ghp_abcdefghij0123456789@git.example/x', 'ghp_'],
    ['cannot reach https://u:p@ss@w0rd@git.example:8443/x: refused', 'w0rd'],
    ['header Authorization: Bearer abcdefgh was refused', 'abcdefgh'],
    ['Authorization: Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'],
    ['"authorization":"token s3cr3t-value"', 's3cr3t'],
    ['sent bearer sometokenvalue to it', 'sometokenvalue'],
    ['GET /x?access_token=verysecretvalue&y=1', 'verysecretvalue'],
    ['password: hunter2', 'hunter2'],
    ['eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0aaaa.c2lnbmF0dXJl', 'c2lnbmF0dXJl'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----', 'b3BlbnNzaC1r'],
    ['-----BEGIN EC PRIVATE KEY-----\nb3BlbnNzaC1r (cut)', 'b3BlbnNzaC1r'],
    ['key AGE-SECRET-KEY-1QQQQQQ', '1QQQQQQ'],
  ])('hides the credential in %j', (text, secret) => {
    const { lines, log } = capture();
    log.info(text, { text, list: [text] });
    log.with({ text }).info('x');
    expect(JSON.stringify(lines)).not.toContain(secret);
  });

  it.each([
    'https://git.example/fleet.git at main@sha1:0123456789',
    'ssh://git@git.example/fleet.git',
    'basic authentication is not accepted',
    'the bearer token expired',
    'Secret/apps/git-auth is missing',
    'mail ops@example.com',
  ])('leaves %j as it is', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('hides user and password of any URL', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9!$&()*+,;=._~@%-]{8,24}$/);
    fc.assert(
      fc.property(word, word, (user, pass) => {
        const out = redactText(`see https://${user}:${pass}@host.example/p`);
        return out === 'see https://***@host.example/p';
      }),
    );
  });

  it('cuts long texts and takes hostile ones in a moment', () => {
    const began = performance.now();
    for (const text of [
      'a'.repeat(2e6),
      'a:/'.repeat(7e5),
      'bearer '.repeat(3e5),
      '-----BEGIN PRIVATE KEY-----'.repeat(7e4),
    ])
      expect(redactText(text).length).toBeLessThan(9_000);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
