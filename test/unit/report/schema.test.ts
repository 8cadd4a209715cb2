import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type * as z from 'zod/mini';
import type { AgentStatus } from '../../../src/model/index.ts';
import { statusJsonSchema, statusSchema } from '../../../src/report/schema.ts';
import { sampleKustomization, sampleStatus } from '../../support/status-sample.ts';

const published = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'docs', 'schemas', 'status.json');

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

describe('schema of the status document', () => {
  it('is the same type as the model has', () => {
    expectTypeOf<Frozen<z.output<typeof statusSchema>>>().toEqualTypeOf<Frozen<AgentStatus>>();
  });

  it('takes a document with everything in it', () => {
    const notConverged = {
      code: 'internal',
      reason: 'r',
      message: 'm',
      help: 'h',
      since: '2026-01-01T00:00:00Z',
    } as const;
    const api = { state: 'up', since: '2026-01-01T00:00:00Z', message: '' } as const;
    const far = { account: 'team/deployer', remote: { uid: 'u', version: 'v1.36.0', api } };
    const full = sampleStatus({ kustomizations: [sampleKustomization({ notConverged, ...far })] });
    expect(statusSchema.parse(JSON.parse(JSON.stringify(full)))).toEqual(full);
  });

  it.each([
    ['a field more', { ...sampleStatus(), extra: 1 }],
    ['a field less', { ...sampleStatus(), link: undefined }],
    [
      'an unknown code',
      sampleStatus({
        kustomizations: [
          sampleKustomization({
            notConverged: { code: 'nope', reason: '', message: '', help: '', since: '' } as never,
          }),
        ],
      }),
    ],
    ['a time of another form', sampleStatus({ clock: { now: '1 Jan 2026', trusted: true, message: '' } })],
  ])('refuses a document with %s', (_, document) => {
    expect(statusSchema.safeParse(JSON.parse(JSON.stringify(document))).success).toBe(false);
  });

  it('is published as docs/schemas/status.json (HOLDFAST_UPDATE=1 writes it)', () => {
    const text = `${JSON.stringify(statusJsonSchema(), null, 2)}\n`;
    if (process.env['HOLDFAST_UPDATE'] === '1') writeFileSync(published, text);
    expect(readFileSync(published, 'utf8')).toBe(text);
  });
});
