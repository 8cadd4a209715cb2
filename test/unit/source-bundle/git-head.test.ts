import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/index.ts';
import { type GitHead, readGitHead } from '../../../src/source/bundle/index.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

async function read(text: string | Buffer, maxRefs = 100): Promise<GitHead | string> {
  const bytes = Buffer.from(text as string);
  try {
    return await readGitHead(
      { size: bytes.length, read: async (at, n) => bytes.subarray(at, at + Math.min(n, 7)) },
      0,
      maxRefs,
    );
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

describe('the head of a Git bundle', () => {
  it('has what must be there already and the refs, in any pieces', async () => {
    const text = `# v2 git bundle\n-${A} a subject\n-${B}\n${A} refs/heads/main\n${B} refs/tags/v1 \u00fc\n\nPACK`;
    expect(await read(text)).toEqual({
      needs: [A, B],
      refs: [
        { oid: A, name: 'refs/heads/main' },
        { oid: B, name: 'refs/tags/v1 \u00fc' },
      ],
      size: Buffer.byteLength(text) - 4,
    });
    expect(await read(`# v3 git bundle\n@object-format=sha1\n${A} HEAD\n\n`)).toMatchObject({
      refs: [{ oid: A, name: 'HEAD' }],
    });
  });

  it.each([
    ['another version', '# v4 git bundle\n\n', 'bundle-unreadable'],
    ['no version', '# vx git bundle\n\n', 'bundle-unreadable'],
    ['a filter', `# v3 git bundle\n@filter=blob:none\n${A} HEAD\n\n`, 'bundle-unreadable: .*@filter'],
    ['SHA-256', '# v3 git bundle\n@object-format=sha256\n\n', 'bundle-unreadable'],
    ['a capability in version 2', '# v2 git bundle\n@object-format=sha1\n\n', 'bundle-unreadable'],
    ['no end', `# v2 git bundle\n${A} HEAD\n`, 'bundle-damaged'],
    ['nothing', '', 'bundle-damaged'],
    ['a ref that is none', '# v2 git bundle\nxyz refs/heads/main\n\n', 'bundle-damaged'],
    ['an id that is too long', `# v2 git bundle\n${A}a HEAD\n\n`, 'bundle-damaged'],
    ['a ref without a name', `# v2 git bundle\n${A} \n\n`, 'bundle-damaged'],
    ['a line without end', `# v2 git bundle\n${'x'.repeat(100_000)}`, 'bundle-damaged: .*line without end'],
    ['bytes that steer a terminal', '# v2 git bundle\n\u001b[31m\n\n', 'bundle-damaged: [ -~]*$'],
  ])('with %s is refused', async (_name, text, said) => {
    expect(await read(text)).toMatch(new RegExp(`^${said}`));
  });

  it('with more refs than may be listed breaks a bound', async () => {
    const text = `# v2 git bundle\n${`${A} refs/heads/x\n`.repeat(101)}\n`;
    expect(await read(text)).toMatch(/^source-bounds: .*limits.advertisedRefs/);
  });
});
