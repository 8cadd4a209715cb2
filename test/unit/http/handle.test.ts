import { describe, expect, it } from 'vitest';
import { addressText, handle, type NudgeRef, parseAddress, type View } from '../../../agent/http/index.ts';
import { Fault } from '../../../src/model/index.ts';
import { sampleStatus } from '../../support/status-sample.ts';

const view = (change: Partial<View> = {}): View => ({
  status: () => sampleStatus(),
  metrics: () => 'holdfast_build_info 1\n',
  alive: () => true,
  ready: () => true,
  ...change,
});

const get = (url: string, change: Partial<View> = {}) => handle({ method: 'GET', url, local: false }, view(change));

describe('pages', () => {
  it('answers liveness from the loop alone', () => {
    expect(get('/livez', { ready: () => false }).status).toBe(200);
    expect(get('/livez', { alive: () => false }).status).toBe(503);
    expect(get('/livez?verbose=1').status).toBe(200);
  });

  it('answers readiness with what is missing', () => {
    expect(get('/readyz').status).toBe(200);
    expect(get('/readyz', { ready: () => false })).toMatchObject({
      status: 503,
      body: expect.stringContaining('not ready'),
    });
  });

  it('shows the status document as JSON', () => {
    const response = get('/status');
    expect(response.type).toContain('application/json');
    expect(JSON.parse(response.body)).toEqual(sampleStatus());
  });

  it('shows metrics in the version of the text format that Prometheus asks for', () => {
    expect(get('/metrics')).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
  });

  it.each(['/nothing', '/status/', '/__proto__', '/constructor', '//livez', ''])('knows no page %j', (url) => {
    expect(get(url).status).toBe(404);
  });

  it('refuses methods that would change something', () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect(handle({ method, url: '/status', local: true }, view())).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
      });
  });
});

describe('a nudge', () => {
  const post = (url: string, local: boolean, change: Partial<View> = {}) =>
    handle({ method: 'POST', url, local }, view(change));

  it('is only taken through the socket', () => {
    const asked: NudgeRef[] = [];
    const nudge = (ref: NudgeRef): boolean => asked.push(ref) > 0;
    expect(post('/reconcile', false, { nudge }).status).toBe(403);
    expect(asked).toEqual([]);
    expect(post('/reconcile?kind=Kustomization&namespace=a&name=b', true, { nudge }).status).toBe(202);
    expect(asked).toEqual([{ kind: 'Kustomization', namespace: 'a', name: 'b' }]);
  });

  it('for everything has empty names', () => {
    const asked: NudgeRef[] = [];
    post('/reconcile', true, { nudge: (ref) => asked.push(ref) > 0 });
    expect(asked).toEqual([{ kind: '', namespace: '', name: '' }]);
  });

  it('that fits nothing says so', () => {
    expect(post('/reconcile?name=x', true, { nudge: () => false }).status).toBe(404);
    expect(post('/reconcile', true).status).toBe(404);
  });

  it('is a POST', () => {
    expect(handle({ method: 'GET', url: '/reconcile', local: true }, view({ nudge: () => true })).status).toBe(405);
  });

  it.each([
    '/reconcile?name=a%00b',
    `/reconcile?name=${'a'.repeat(300)}`,
    '/reconcile?kind=<script>',
    '/reconcile?name=%0a',
  ])('with a name that is none is refused: %j', (url) => {
    expect(post(url, true, { nudge: () => true }).status).toBe(400);
  });
});

describe('an address', () => {
  it.each([
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
    [':9090', { kind: 'tcp', host: '', port: 9090 }],
    ['localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['/run/holdfast.sock', { kind: 'unix', path: '/run/holdfast.sock' }],
    ['unix:rel.sock', { kind: 'unix', path: 'rel.sock' }],
  ])('%s is read', (listen, expected) => {
    expect(parseAddress(listen)).toEqual(expected);
  });

  it.each(['8080', 'host', 'host:', 'host:99999', '::1:80', 'http://x:1', 'unix:', `/${'a'.repeat(200)}`, 'a b:1', ''])(
    '%j is refused as configuration',
    (listen) => {
      expect(() => parseAddress(listen)).toThrow(Fault);
    },
  );

  it('prints as it is read', () => {
    for (const listen of ['127.0.0.1:8080', '[::1]:80', '/run/x.sock'])
      expect(addressText(parseAddress(listen))).toBe(listen);
  });
});
