import { type FakeServer, fakeWire } from '../../support/fake-wire.ts';
import { httpWorld } from './http-world.ts';
import { wireSuite } from './suite.ts';

wireSuite('node:http', () => httpWorld());

wireSuite('fake', async () => {
  const servers = new Map<string, FakeServer>();
  let port = 1;
  return {
    wire: fakeWire(servers),
    async serve(handler) {
      const base = `http://127.0.0.1:${port++}`;
      servers.set(base, handler);
      return base;
    },
    nowhere: () => Promise.resolve('http://127.0.0.1:9/'),
    stop: () => Promise.resolve(),
  };
});
