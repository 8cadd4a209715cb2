import type { ServerResponse } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLines } from '../../../agent/adapters/cluster/lines.ts';
import type { JsonObject } from '../../../src/model/index.ts';
import { until } from '../../support/until.ts';
import { type Heard, type Hostile, sendJson, startHostile, status } from './hostile-server.ts';
import { CONFIG_MAP, startWatch, type Watched } from './objects.ts';

const TIMES = { firstBackoffMs: 10, lastBackoffMs: 40, silenceMs: 400, unservedMs: 200 };
const event = (type: string, name: string, version = '10'): string =>
  `${JSON.stringify({ type, object: { kind: 'PartialObjectMetadata', metadata: { name, resourceVersion: version } } })}\n`;

interface Script {
  /** Answers the n-th list; default an empty one of version 5. */
  readonly list?: (n: number, answer: ServerResponse, heard: Heard) => void;
  readonly watch: (n: number, answer: ServerResponse, heard: Heard) => void;
  /** What the datastore has, asked for after an interruption; default one that goes on, where the newest object changed again. */
  readonly look?: (answer: ServerResponse, heard: Heard) => void;
  /** Of kube-system. */
  readonly uid?: () => string;
  readonly times?: Partial<typeof TIMES>;
}

function goesOn(answer: ServerResponse, { url }: Heard): void {
  const name = url.searchParams.get('fieldSelector')?.split('=')[1];
  const then = url.searchParams.get('resourceVersion');
  const items = name === undefined ? [] : [{ metadata: { name, resourceVersion: then ?? '1000' } }];
  sendJson(answer, { metadata: { resourceVersion: '1000' }, items });
}

/** A server that lists and watches as a script says, and a watch on it. */
async function follow(
  script: Script,
  use: (watched: Watched, h: Hostile) => Promise<void>,
  limits = {},
): Promise<void> {
  await using h = await startHostile({
    watchTimes: { ...TIMES, ...script.times },
    limits,
    uid: script.uid ?? (() => 'one'),
  });
  let lists = 0;
  let watches = 0;
  h.handle((heard, answer) => {
    if (heard.url.searchParams.get('watch') !== '1') {
      if (heard.url.searchParams.get('limit') === '1') (script.look ?? goesOn)(answer, heard);
      else if (script.list === undefined) sendJson(answer, { metadata: { resourceVersion: '5' }, items: [] });
      else script.list(lists++, answer, heard);
      return;
    }
    script.watch(watches++, answer, heard);
  });
  const watched = startWatch(h.cluster, CONFIG_MAP, { metadataOnly: true });
  try {
    await use(watched, h);
  } finally {
    await watched.stop();
  }
  await until(() => h.open() === 0, { what: 'no connection left behind' });
}

const begin = (answer: ServerResponse): ServerResponse => {
  answer.writeHead(200, { 'Content-Type': 'application/json' });
  answer.flushHeaders();
  return answer;
};
const versions = (h: Hostile): readonly (string | null)[] =>
  h.heard.filter((r) => r.url.searchParams.has('watch')).map((r) => r.url.searchParams.get('resourceVersion'));

// What the adapter loads when it is first used takes seconds on a machine that is busy.
beforeAll(async () => {
  await using h = await startHostile();
  await h.cluster.surface();
});

describe('a watch', () => {
  it('asks for metadata, bookmarks and an end, and goes on from the last version when the server ends it', async () => {
    const script: Script = {
      watch: (n, answer) => {
        begin(answer).write(event(n === 0 ? 'ADDED' : 'MODIFIED', 'a', String(10 + n)));
        if (n === 0) setTimeout(() => answer.end(), 20);
      },
    };
    await follow(script, async (watched, h) => {
      await until(() => watched.lines().length >= 4);
      expect(watched.lines()).toEqual(['restart', 'synced', 'put a', 'put a']);
      expect(versions(h)).toEqual(['5', '10']);
      const first = h.heard.find((r) => r.url.searchParams.has('watch'));
      expect(first?.headers.accept).toContain('as=PartialObjectMetadata;');
      expect(first?.url.searchParams.get('allowWatchBookmarks')).toBe('true');
      expect(Number(first?.url.searchParams.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    });
  });

  it('goes on from a bookmark', async () => {
    const script: Script = {
      watch: (n, answer) => {
        begin(answer);
        if (n === 0) answer.end(event('BOOKMARK', '', '77'));
      },
      times: { silenceMs: 60_000 },
    };
    await follow(script, async (watched, h) => {
      await until(() => versions(h).length >= 2);
      expect(versions(h)).toEqual(['5', '77']);
      expect(watched.lines()).toEqual(['restart', 'synced']);
    });
  });

  it.each<[string, (answer: ServerResponse) => void]>([
    ['an event', (a) => void begin(a).end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'too old') })}\n`)],
    ['an answer', (a) => sendJson(a, status(410, 'too old'), 410)],
  ])('lists anew when the version is too old, told by %s', async (_title, tell) => {
    const script: Script = {
      watch: (n, answer) => (n === 0 ? tell(answer) : void begin(answer)),
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().filter((line) => line === 'synced').length === 2);
      expect(watched.lines().filter((line) => line === 'restart')).toHaveLength(2);
    });
  });

  describe('after an interruption, where the datastore', () => {
    /** How a list answers that is asked for the object that changed last, now and as it was then. */
    type Store = { version: string; now?: JsonObject; past?: JsonObject | 410 };
    const last = { name: 'a', uid: 'u', generation: 2, resourceVersion: '10' };
    const rows: readonly (readonly [title: string, store: Store, goesOn: boolean])[] = [
      ['has gone on', { version: '12', now: last }, true],
      [
        'has gone on, and the object with it',
        { version: '12', now: { ...last, resourceVersion: '11' }, past: last },
        true,
      ],
      ['has gone on, and lost the object', { version: '12', past: last }, true],
      ['has older versions than those that are known', { version: '9', now: last }, false],
      ['has the object as it was before', { version: '12', now: { ...last, resourceVersion: '8' } }, false],
      [
        'has a newer object of an older generation',
        { version: '12', now: { ...last, generation: 1, resourceVersion: '11' } },
        false,
      ],
      [
        'has another past',
        { version: '12', now: { ...last, resourceVersion: '11' }, past: { ...last, resourceVersion: '7' } },
        false,
      ],
      ['has another past, and not the object', { version: '12' }, false],
      [
        'has forgotten its past, and not the object',
        { version: '12', now: { ...last, resourceVersion: '11' }, past: 410 },
        true,
      ],
      ['has forgotten its past, and lost the object', { version: '12', past: 410 }, false],
    ];
    it.each(rows)('%s', async (_title, { version, now, past }, goesOn) => {
      const script: Script = {
        watch: (n, answer) => {
          if (n > 0) return void begin(answer);
          const object = { kind: 'PartialObjectMetadata', metadata: last };
          begin(answer).end(`${JSON.stringify({ type: 'ADDED', object })}\n`);
        },
        look: (answer, heard) => {
          const asked = heard.url.searchParams.get('resourceVersionMatch') === 'Exact' ? past : now;
          if (asked === 410) return sendJson(answer, status(410, 'compacted'), 410);
          const items = asked === undefined ? [] : [{ metadata: asked }];
          sendJson(answer, { metadata: { resourceVersion: version }, items });
        },
      };
      await follow(script, async (watched, h) => {
        await until(() => versions(h).length >= 2);
        expect(versions(h)).toEqual(['5', goesOn ? '10' : '5']);
        const restarts = watched.events.filter((one) => one.type === 'restart');
        expect(restarts).toEqual(
          goesOn ? [{ type: 'restart' }] : [{ type: 'restart' }, { type: 'restart', anew: true }],
        );
      });
    });
  });

  it('starts the list over when it expires between two pages', async () => {
    const script: Script = {
      list: (n, answer, heard) => {
        if (heard.url.searchParams.has('continue') && n === 1) sendJson(answer, status(410, 'expired'), 410);
        else if (heard.url.searchParams.has('continue'))
          sendJson(answer, { metadata: { resourceVersion: '6' }, items: [{ metadata: { name: 'b' } }] });
        else sendJson(answer, { metadata: { continue: 't' }, items: [{ metadata: { name: 'a' } }] });
      },
      watch: (_n, answer) => void begin(answer),
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().includes('synced'));
      expect(watched.lines()).toEqual(['restart', 'put a', 'restart', 'put a', 'put b', 'synced']);
    });
  });

  it.each<[string, () => string]>([
    ['another cluster', () => 'two'],
    ['a cluster that does not say which it is', () => ''],
  ])('lists anew when after an interruption %s answers', async (_title, after) => {
    let watches = 0;
    const script: Script = {
      watch: (n, answer) => {
        watches = n + 1;
        if (n === 0) setTimeout(() => begin(answer).destroy(), 20);
        else begin(answer).write(event('ADDED', 'a'));
      },
      uid: () => (watches === 0 ? 'one' : after()),
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().includes('put a'));
      expect(watched.lines().filter((line) => line === 'restart')).toHaveLength(2);
    });
  });

  it('asks once for all watches which cluster answers after an interruption', async () => {
    await using h = await startHostile({ watchTimes: TIMES, uid: () => 'one' });
    const open: ServerResponse[] = [];
    h.handle((heard, answer) => {
      if (heard.url.searchParams.has('watch')) open.push(begin(answer));
      else sendJson(answer, { metadata: { resourceVersion: '5' }, items: [] });
    });
    const all = Array.from({ length: 8 }, () => startWatch(h.cluster, CONFIG_MAP, { metadataOnly: true }));
    await until(() => open.length === 8);
    for (const answer of open) answer.destroy();
    await until(() => versions(h).length === 16);
    expect(h.heard.filter((r) => r.url.pathname.endsWith('/kube-system')).length).toBeLessThanOrEqual(4);
    expect(all.every((one) => one.lines().filter((line) => line === 'restart').length === 1)).toBe(true);
    await Promise.all(all.map((one) => one.stop()));
  });

  it('tells an interruption once, and when it is over', async () => {
    const script: Script = {
      watch: (n, answer) => {
        if (n === 0) setTimeout(() => begin(answer).destroy(), 20);
        else if (n < 4) answer.destroy();
        else begin(answer).write(event('ADDED', 'a'));
      },
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().includes('put a'));
      expect(watched.lines()[0]).toBe('restart');
      expect(watched.lines().slice(-2)).toEqual(['synced', 'put a']);
      const lost = watched.events.filter((e) => e.type === 'lost');
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.length).toBeLessThan(4);
    });
  });

  it('notices a connection on which nothing comes any more', async () => {
    const script: Script = {
      watch: (_n, answer) => void begin(answer).write(event('BOOKMARK', '', '9')),
    };
    await follow(script, async (watched, h) => {
      await until(() => versions(h).length >= 2, { within: 5_000 });
      expect(watched.events.some((e) => e.type === 'lost' && e.message.includes('nothing was heard'))).toBe(true);
    });
  });

  it.each<[string, string]>([
    ['words', 'hello\n'],
    ['half an event', '{"type":"ADDED","object":{"meta\n'],
    ['a list', '[]\n'],
    ['an event of no type', '{"object":{"metadata":{"name":"x"}}}\n'],
    ['an object without a name', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['no object', '{"type":"ADDED"}\n'],
    ['an error', `${JSON.stringify({ type: 'ERROR', object: status(500, 'etcdserver: no leader') })}\n`],
  ])('bears %s in place of an event, and goes on', async (_title, garbage) => {
    const script: Script = {
      watch: (n, answer) => void begin(answer).write(n === 0 ? garbage : event('ADDED', 'a')),
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().includes('put a'));
      expect(watched.lines()).toContain('lost');
    });
  });

  it('holds no more of an endless event than limits.watchEventBytes', async () => {
    const script: Script = {
      watch: (n, answer) => {
        begin(answer);
        if (n > 0) return void answer.write(event('ADDED', 'a'));
        const more = (): void => {
          while (!answer.destroyed && answer.write('x'.repeat(65_536)));
          if (!answer.destroyed) answer.once('drain', more);
        };
        more();
      },
    };
    const limits = { watchEventBytes: 500_000 };
    await follow(
      script,
      async (watched, h) => {
        await until(() => watched.lines().includes('put a'));
        const lost = watched.events.find((e) => e.type === 'lost');
        expect(lost?.type === 'lost' ? lost.message : '').toContain('limits.watchEventBytes');
        expect(h.cluster.stats().bytesDown).toBeLessThan(3_000_000);
      },
      limits,
    );
  });

  it('asks nothing of a kind that cannot be watched, and says so', async () => {
    await using h = await startHostile({ watchTimes: TIMES });
    const watched = startWatch(h.cluster, { group: '', version: 'v1', kind: 'Binding' }, { metadataOnly: true });
    await until(() => watched.lines().includes('lost'));
    expect(h.heard.some((r) => r.url.pathname.includes('bindings'))).toBe(false);
    await watched.stop();
  });

  it('begins with a short wait again after a connection that lived', async () => {
    const at: number[] = [];
    const script: Script = {
      times: { firstBackoffMs: 100, lastBackoffMs: 60_000 },
      watch: (n, answer) => {
        at.push(performance.now());
        if (n < 5) answer.destroy();
        else if (n === 5) setTimeout(() => begin(answer).destroy(), 1_200);
        else begin(answer);
      },
    };
    await follow(script, async () => {
      await until(() => at.length === 7);
      // The sixth wait would be of 2,400 ms or more, the first is of about 100.
      expect((at[6] ?? 0) - (at[5] ?? 0) - 1_200).toBeLessThan(2_000);
    });
  });

  it('does not hammer a server that ends every watch at once', async () => {
    await follow({ watch: (_n, answer) => void begin(answer).end() }, async (_watched, h) => {
      const began = performance.now();
      await until(() => versions(h).length >= 20);
      // Nineteen waits: 10, 20 and then 40 ms, each a quarter shorter by chance at most.
      expect(performance.now() - began).toBeGreaterThan(500);
    });
  });

  it('tells what is denied with the rule that would allow it, and goes on when it is allowed', async () => {
    const denied =
      'configmaps is forbidden: User "u" cannot list resource "configmaps" in API group "" at the cluster scope';
    const script: Script = {
      list: (n, answer) => {
        if (n < 2) sendJson(answer, status(403, denied), 403);
        else sendJson(answer, { metadata: { resourceVersion: '5' }, items: [] });
      },
      watch: (_n, answer) => void begin(answer),
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().includes('synced'));
      const lost = watched.events.filter((e) => e.type === 'lost');
      expect(lost).toHaveLength(1);
      expect(lost[0]?.type === 'lost' ? lost[0].message : '').toMatch(/ClusterRole needs the rule/);
    });
  });

  it('leaves the requests of others alone: it stands outside their bound', async () => {
    const script: Script = { watch: (_n, answer) => void begin(answer) };
    await follow(
      script,
      async (watched, h) => {
        await until(() => watched.lines().includes('synced'));
        const more = [1, 2, 3].map(() => startWatch(h.cluster, CONFIG_MAP, { metadataOnly: true }));
        await until(() => versions(h).length === 4);
        expect(h.cluster.stats().inFlight).toBe(0);
        await Promise.all(more.map((one) => one.stop()));
      },
      { requestsInFlight: 1 },
    );
  });

  it('takes events of many bytes in small pieces, also where a character is cut', async () => {
    const name = 'ä'.repeat(50);
    const script: Script = {
      watch: (_n, answer) => {
        begin(answer);
        const bytes = Buffer.from(event('ADDED', name) + event('DELETED', name));
        let at = 0;
        const next = (): void => {
          if (at >= bytes.length || answer.destroyed) return;
          answer.write(bytes.subarray(at, at + 7), next);
          at += 7;
        };
        next();
      },
    };
    await follow(script, async (watched) => {
      await until(() => watched.lines().length === 4);
      expect(watched.lines().slice(2)).toEqual([`put ${name}`, `delete ${name}`]);
    });
  });
});

describe('lines of a stream', () => {
  const collect = (max: number): { lines: string[]; push: (text: string) => void } => {
    const lines: string[] = [];
    const cutter = createLines(max, (line) => lines.push(line));
    return { lines, push: (text) => cutter.push(Buffer.from(text)) };
  };

  it('are cut at line ends, however they arrive', () => {
    const { lines, push } = collect(100);
    for (const part of ['a', 'b\nc', '\n\nd\ne', '', 'f\n\r\n']) push(part);
    expect(lines).toEqual(['ab', 'c', 'd', 'ef']);
  });

  it('are bounded, and a shorter one passes after a longer one', () => {
    const { lines, push } = collect(10);
    expect(() => push('x'.repeat(11))).toThrow(RangeError);
    push('0123456789\n');
    expect(lines).toEqual(['0123456789']);
  });
});
