import { expect, it } from 'vitest';
import { namedProxy } from '../../../agent/adapters/wire/connect.ts';
import { proxyFor } from '../../../agent/config/proxy.ts';

it('a login that stands in the address of a proxy is told apart from it', () => {
  expect(namedProxy({ address: 'http://u:s%40@p:1/' })).toEqual({
    address: 'http://p:1',
    username: 'u',
    password: 's@',
  });
  expect(namedProxy({ address: 'p:1' })).toEqual({ address: 'http://p:1' });
});

it('one that cannot be read is an error of the proxy that does not show it, not a crash', () => {
  const address = 'http://user:100%@p:1';
  const proxy = proxyFor({ http: address, https: '', no: [] })(new URL('http://git/'));
  expect(proxy).toEqual({ address: 'http://user:100%@p:1/' });
  for (const one of [proxy ?? { address: '' }, { address }])
    expect(() => namedProxy(one)).toThrow(
      expect.objectContaining({ code: 'wire-proxy', message: expect.not.stringContaining('100') }),
    );
});
