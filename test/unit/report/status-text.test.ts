import { describe, expect, it } from 'vitest';
import type { AgentStatus, NotConverged } from '../../../src/model/index.ts';
import { isConverged, statusText } from '../../../src/report/index.ts';
import { bytesText, revisionText, spanText } from '../../../src/report/text.ts';
import { sampleKustomization, sampleSource, sampleStatus } from '../../support/status-sample.ts';

const show = (status: AgentStatus, width = 100): string => statusText(status, { width, color: false });

const refused: NotConverged = {
  code: 'apply-refused',
  reason: 'ReconciliationFailed',
  message: 'Deployment/apps/web: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  help: 'The API server refuses the named object as it is written: mend it in the source.',
  since: '2026-01-01T00:00:00Z',
};

describe('status text', () => {
  it('of a site that is well fits on a page', () => {
    expect(show(sampleStatus())).toBe(
      [
        'store-0417  converged',
        '  link     up for 1d',
        '  cluster  up for 1d, Kubernetes 1.36.0',
        '  disk     1.2 MiB of 2 GiB, 5 GiB free',
        '  agent    0.1.0, up 1d',
        '',
        'Sources',
        '  GitRepository/flux-system/fleet  ok  main@6c1f4a0e  confirmed 42s ago  next in 1m  12.1 KiB down, 900 B up',
        '',
        'Kustomizations',
        '  flux-system/store  ok  main@6c1f4a0e  2 objects, 1 healed  applied 0s ago',
        '',
      ].join('\n'),
    );
  });

  it('says of a disk that takes no writes why, and what to do', () => {
    const why: NotConverged = {
      code: 'cache-full',
      reason: 'StorageOperationFailed',
      message: 'cannot write the state folder: no space left on the disk of stateDir (ENOSPC)',
      help: 'Free space on the disk of stateDir.',
      since: '2025-12-31T23:57:00Z',
    };
    const { cache } = sampleStatus();
    expect(show(sampleStatus({ cache: { ...cache, bytes: 0, freeBytes: 0, notConverged: why } }))).toContain(
      [
        '  disk     0 B of 2 GiB, 0 B free, takes no writes for 3m',
        '      StorageOperationFailed (cache-full): cannot write the state folder: no space left on the',
        '        disk of stateDir (ENOSPC)',
        '      -> Free space on the disk of stateDir.',
        '  agent ',
      ].join('\n'),
    );
  });

  it('keeps another cluster apart from the own one', () => {
    const down = {
      state: 'down',
      since: '2025-12-31T00:00:00Z',
      message: 'API server far:6443: ECONNREFUSED',
    } as const;
    const status = sampleStatus({
      kustomizations: [sampleKustomization({ remote: { uid: 'u', version: 'v1.35.1', api: down } })],
    });
    expect(show(status)).toContain(
      '\n    in another cluster: down for 1d: API server far:6443: ECONNREFUSED, Kubernetes 1.35.1\n',
    );
    expect(show(status)).toContain('  cluster  up for 1d, Kubernetes 1.36.0');
  });

  it('says the one reason and what to do, in the width of the terminal', () => {
    const status = sampleStatus({
      kustomizations: [
        sampleKustomization({
          converged: false,
          ready: 'False',
          notConverged: refused,
          lastAttemptedRevision: `main@sha1:${'a'.repeat(40)}`,
          objects: {
            total: 3,
            byHealth: { Current: 1, InProgress: 1, NotFound: 1 },
            held: [{ object: 'Service/apps/web', reason: 'hangs on Deployment/apps/web' }],
            unhealthy: [{ object: 'Deployment/apps/web', status: 'InProgress', message: '0 of 1 ready' }],
          },
        }),
      ],
    });
    const text = show(status, 80);
    expect(text).toContain('store-0417  not converged (1 of 1)');
    expect(text).toContain(
      'failing  main@6c1f4a0e -> main@aaaaaaaa  3 objects (1 in progress, 1 missing, 1 held), 1 healed',
    );
    expect(text).toContain('    ReconciliationFailed (apply-refused): Deployment/apps/web:');
    expect(text).toContain('    -> The API server refuses');
    expect(text).toContain('      held Service/apps/web: hangs on Deployment/apps/web');
    expect(text).toContain('      InProgress Deployment/apps/web: 0 of 1 ready');
    const prose = text.split('\n').filter((line) => line.startsWith('    '));
    expect(prose.every((line) => line.length <= 80)).toBe(true);
  });

  it('tells what a source has cost on the link, and what the fetch under way will', () => {
    const wire = { requests: 9, up: 0, down: 5 * 1024 * 1024 };
    const sources = [sampleSource({ wire, expectedBytes: 20_000_000 })];
    expect(show(sampleStatus({ sources }))).toContain('5 MiB down, 0 B up, fetching 19.1 MiB\n');
  });

  it('calls a site without a link converged with what it has', () => {
    const status = sampleStatus({
      link: { state: 'down', since: '2025-12-02T00:00:00Z', message: 'connect ETIMEDOUT' },
      sources: [
        sampleSource({
          ready: 'False',
          ageSeconds: 30 * 86_400,
          failures: 8_640,
          notConverged: { ...refused, code: 'wire-unreachable' },
        }),
      ],
    });
    expect(isConverged(status)).toBe(true);
    expect(show(status)).toContain('store-0417  converged with what is on this disk');
    expect(show(status)).toContain('link     down for 30d: connect ETIMEDOUT');
    expect(show(status)).toContain('confirmed 30d ago, failed 8640 times');
  });

  it('shows configuration that could not be read', () => {
    const status = sampleStatus({ problems: [{ where: 'objects/a.yaml:3', message: 'spec.interval is required' }] });
    expect(isConverged(status)).toBe(false);
    expect(show(status)).toContain('Configuration\n  objects/a.yaml:3\n    spec.interval is required');
  });

  it('shows what lies in the inbox, and that it is no reason not to be converged', () => {
    const inbox = [
      {
        file: '/stick/old.tar',
        state: 'refused',
        code: 'bundle-older',
        message: 'it is an ancestor',
        since: sampleStatus().clock.now,
        sources: [],
      },
    ] as const;
    const { inbox: _none, ...older } = sampleStatus();
    expect(show(older as AgentStatus)).not.toContain('Inbox');
    const status = sampleStatus({ inbox });
    expect(isConverged(status)).toBe(true);
    expect(show(status)).toMatch(/Inbox\n {2}\/stick\/old.tar +refused +bundle-older +0s ago\n {4}it is an ancestor/);
  });

  it('says when nothing is declared', () => {
    expect(show(sampleStatus({ sources: [], kustomizations: [] }))).toContain('nothing is declared');
  });

  it('counts what is suspended as wanted', () => {
    const status = sampleStatus({ kustomizations: [sampleKustomization({ suspended: true, converged: false })] });
    expect(isConverged(status)).toBe(true);
    expect(show(status)).toContain('suspended');
  });

  it('keeps what a server says from steering the terminal', () => {
    const evil = { ...refused, message: 'a\u001b[2Jb\r\nc\u009b31m' };
    const text = show(
      sampleStatus({ kustomizations: [sampleKustomization({ converged: false, notConverged: evil })] }),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('paints only when asked, and alike', () => {
    const status = sampleStatus({ kustomizations: [sampleKustomization({ converged: false, notConverged: refused })] });
    const painted = statusText(status, { width: 100, color: true });
    expect(painted).toContain('\u001b[31m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours
    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(show(status));
  });
});

describe('words', () => {
  it.each([
    [0, '0s'],
    [59.4, '59s'],
    [60, '1m'],
    [61, '1m 1s'],
    [3_599, '59m 59s'],
    [3_600, '1h'],
    [11_520, '3h 12m'],
    [86_400, '1d'],
    [2_520_000, '29d 4h'],
    [-5, '0s'],
  ])('for %d seconds are %s', (seconds, text) => {
    expect(spanText(seconds)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [1_234_567, '1.2 MiB'],
    [2_147_483_648, '2 GiB'],
  ])('for %d bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it.each([
    ['', '-'],
    [`a@b@sha256:${'f'.repeat(64)}`, 'a@b@ffffffff'],
    [`sha1:${'0'.repeat(40)}`, '00000000'],
    ['odd', 'odd'],
  ])('for the revision %s are %s', (revision, text) => {
    expect(revisionText(revision)).toBe(text);
  });
});
