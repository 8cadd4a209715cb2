import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { composeArguments, ULIMITS } from '../../../scripts/image/container.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What only podman and the test need. */
const OURS = ['--read-only-tmpfs=false', ...ULIMITS];

describe('compose.yaml as arguments of an engine', () => {
  it('is the docker run of docs/install.md', () => {
    const command = /docker run -d --name holdfast ((?:.*\\\n)*.*)/.exec(read('docs/install.md'))?.[1] ?? '';
    const said = command.split(/\s+/).filter((word) => word !== '\\' && word !== '');
    const given = composeArguments(read('manifests/standalone/compose.yaml'), {}).filter((one) => !OURS.includes(one));
    expect(said.length).toBeGreaterThan(20);
    expect([...given].sort()).toEqual([...said].sort());
  });

  it('puts other folders in the place of those of the machine', () => {
    const text = 'services: { holdfast: { image: x, volumes: ["/a:/b:ro", "/c:/d"] } }';
    const given = composeArguments(text, { '/a': '/tmp/a' });
    expect(given.slice(-5)).toEqual(['-v', '/tmp/a:/b:ro', '-v', '/c:/d', 'x']);
  });

  it('refuses a setting that it would leave out', () => {
    expect(() => composeArguments('services: { holdfast: { privileged: true } }', {})).toThrow('privileged');
  });
});
