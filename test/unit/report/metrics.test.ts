import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCounters, type MetricsInput, metricsText } from '../../../src/report/index.ts';
import { sampleKustomization, sampleSource, sampleStatus } from '../../support/status-sample.ts';

const input = (change: Partial<MetricsInput> = {}): MetricsInput => ({ counters: createCounters(), ...change });

/** One sample line; labels with any text in escaped quotes. */
const SAMPLE =
  /^[a-z_][a-z0-9_]*(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/;

/** Checks what Prometheus' own parser demands: head before samples, one group a name, no series twice. */
function checkFormat(text: string): void {
  expect(text.endsWith('\n')).toBe(true);
  const heads = new Set<string>();
  const series = new Set<string>();
  let name = '';
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# HELP ')) {
      name = line.split(' ')[2] ?? '';
      expect(heads.has(name), `${name} begins twice`).toBe(false);
      heads.add(name);
    } else if (line.startsWith('# TYPE '))
      expect(line).toMatch(new RegExp(`^# TYPE ${name} (gauge|counter|histogram)$`));
    else {
      expect(line).toMatch(SAMPLE);
      expect(line.replace(/(_bucket|_sum|_count)?[{ ].*$/s, '')).toBe(name);
      const key = line.slice(0, line.lastIndexOf(' '));
      expect(series.has(key), `${key} comes twice`).toBe(false);
      series.add(key);
    }
  }
}

const value = (text: string, series: string): string | undefined =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);

describe('metrics', () => {
  it('are in the text format that Prometheus reads', () => {
    const counters = createCounters();
    counters.ran({ kind: 'Kustomization', namespace: 'a', name: 'b' }, 0.02, 'success');
    checkFormat(
      metricsText(sampleStatus(), {
        counters,
        api: { requests: { get: 1, apply: 2 }, bytesUp: 3, bytesDown: 4, throttled: 0, connections: 1 },
        process: { residentBytes: 1, cpuSeconds: 0.5, startedAt: 1.7e9, openFiles: 12 },
        build: { commit: 'abc', node: 'v24' },
      }),
    );
  });

  it('stay in the format whatever names and messages hold', () => {
    const strange = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(strange, strange, strange, (name, url, label) => {
        const status = sampleStatus({
          sources: [sampleSource({ url, revision: name })],
          kustomizations: [sampleKustomization({ path: label })],
        });
        checkFormat(metricsText(status, input()).replaceAll('\\\\', ''));
      }),
      { numRuns: 200 },
    );
  });

  it('give the state of each object under the name that Flux dashboards ask for', () => {
    const text = metricsText(
      sampleStatus({ kustomizations: [sampleKustomization({ ready: 'False', suspended: true })] }),
      input(),
    );
    expect(text).toContain(
      'gotk_resource_info{customresource_kind="GitRepository",exported_namespace="flux-system",name="fleet",ready="True",suspended="false",revision="main@sha1:',
    );
    expect(text).toMatch(
      /gotk_resource_info\{customresource_kind="Kustomization",exported_namespace="flux-system",name="store",ready="False",suspended="true".*source_name="fleet"/,
    );
  });

  it('count run times in buckets that add up', () => {
    const counters = createCounters();
    const object = { kind: 'Kustomization', namespace: 'a', name: 'b' };
    for (const seconds of [0.0001, 0.02, 0.02, 5, 4000])
      counters.ran(object, seconds, seconds > 1000 ? 'error' : 'success');
    const text = metricsText(sampleStatus(), input({ counters }));
    const labels = 'kind="Kustomization",name="b",namespace="a"';
    const bucket = (le: string): string | undefined =>
      value(text, `gotk_reconcile_duration_seconds_bucket{${labels},le="${le}"}`);
    expect([
      bucket('0.0005'),
      bucket('0.01'),
      bucket('0.0384'),
      bucket('8.31'),
      bucket('1800'),
      bucket('+Inf'),
    ]).toEqual(['1', '1', '3', '4', '4', '5']);
    expect(value(text, `gotk_reconcile_duration_seconds_count{${labels}}`)).toBe('5');
    expect(Number(value(text, `gotk_reconcile_duration_seconds_sum{${labels}}`))).toBeCloseTo(4005.0401);
    expect(value(text, 'controller_runtime_reconcile_total{controller="kustomization",result="error"}')).toBe('1');
    expect(value(text, 'controller_runtime_reconcile_errors_total{controller="kustomization"}')).toBe('1');
  });

  it('end the series of an object that is gone and keep the totals', () => {
    const counters = createCounters();
    counters.ran({ kind: 'Kustomization', namespace: 'a', name: 'b' }, 1, 'success');
    counters.forget({ kind: 'Kustomization', namespace: 'a', name: 'b' });
    const text = metricsText(sampleStatus(), input({ counters }));
    expect(text).not.toContain('gotk_reconcile_duration_seconds');
    expect(value(text, 'controller_runtime_reconcile_total{controller="kustomization",result="success"}')).toBe('1');
  });

  it('keep link, API server and age of the source apart', () => {
    const text = metricsText(
      sampleStatus({
        link: { state: 'down', since: '2025-12-31T23:00:00Z', message: 'no route' },
        sources: [sampleSource({ ageSeconds: 3600 }), sampleSource({ name: 'new', ageSeconds: -1 })],
      }),
      input(),
    );
    expect(value(text, 'holdfast_link_state{state="down"}')).toBe('1');
    expect(value(text, 'holdfast_link_state{state="up"}')).toBe('0');
    expect(value(text, 'holdfast_api_state{state="up"}')).toBe('1');
    expect(value(text, 'holdfast_link_since_timestamp_seconds')).toBe(String(Date.UTC(2025, 11, 31, 23) / 1000));
    expect(value(text, 'holdfast_source_age_seconds{kind="GitRepository",namespace="flux-system",name="fleet"}')).toBe(
      '3600',
    );
    expect(text).not.toContain('holdfast_source_age_seconds{kind="GitRepository",namespace="flux-system",name="new"}');
  });

  it('name the reason of what is not converged and nothing of what is', () => {
    const why = { code: 'prune-guard', reason: 'PruneGuarded', message: 'm', help: 'h', since: '' } as const;
    const text = metricsText(
      sampleStatus({ kustomizations: [sampleKustomization({ converged: false, notConverged: why })] }),
      input(),
    );
    expect(value(text, 'holdfast_converged{namespace="flux-system",name="store"}')).toBe('0');
    expect(
      value(
        text,
        'holdfast_not_converged{kind="Kustomization",namespace="flux-system",name="store",code="prune-guard",reason="PruneGuarded"}',
      ),
    ).toBe('1');
    expect(metricsText(sampleStatus(), input())).not.toContain('holdfast_not_converged');
  });

  it('leave out times that never were', () => {
    const text = metricsText(sampleStatus({ kustomizations: [sampleKustomization({ lastAppliedAt: '' })] }), input());
    expect(text).not.toContain('holdfast_last_apply_timestamp_seconds');
    expect(text).not.toContain('NaN');
  });
});
