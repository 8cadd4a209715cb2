import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../agent/config/proxy.ts';

describe('the proxy of a URL', () => {
  const of = (url: string, no: string[] = []) =>
    proxyFor({ http: 'http://p:1', https: 'http://u:s%40@p:2', no })(new URL(url));

  it('goes by the scheme, with credentials apart', () => {
    expect(of('http://git/')).toEqual({ address: 'http://p:1/' });
    expect(of('https://git/')).toEqual({ address: 'http://p:2/', username: 'u', password: 's@' });
  });

  it.each([
    ['*', 'https://any.example/', true],
    ['example.com', 'https://example.com/', true],
    ['example.com', 'https://git.example.com/', true],
    ['.example.com', 'https://git.example.com/', true],
    ['example.com', 'https://notexample.com/', false],
    ['example.com:8443', 'https://example.com:8443/', true],
    ['example.com:8443', 'https://example.com/', false],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['10.0.0.0/99', 'http://10.1.2.3/', false],
    ['fd00::/8', 'http://[fd00::1]/', true],
    ['::1', 'http://[::1]/', true],
    ['', 'http://git/', false],
  ])('%j in NO_PROXY: %s goes direct: %s', (rule, url, direct) => {
    expect(of(url, [rule]) === undefined).toBe(direct);
  });
});
