import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskTree } from '../../../agent/cli/disk-tree.ts';
import { Fault } from '../../../src/model/index.ts';
import { build, toYaml } from '../../../src/render/kustomize/index.ts';
import { type KustomizeParts, type KustomizeServer, startKustomize } from '../../kustomize/index.ts';
import type { Repository } from './generate.ts';

/** What the two made of a repository: texts, or undefined where the build fails. */
export interface Comparison {
  readonly expected: string | undefined;
  readonly actual: string | undefined;
  /** Why one of them fails. */
  readonly why: string;
}

function write(folder: string, repository: Repository): void {
  for (const [path, text] of Object.entries<string | Uint8Array>({ ...repository.files, ...repository.bytes })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function ours(folder: string, { root, reorder = 'none' }: Repository): { text?: string; why: string } {
  try {
    return { text: toYaml(build(diskTree(folder), root === '.' ? '' : root, { reorder })), why: '' };
  } catch (error) {
    if (error instanceof Fault) return { why: error.message };
    throw error;
  }
}

async function asked(
  server: KustomizeServer,
  folder: string,
  repository: Repository,
): Promise<Comparison['expected'] | Error> {
  const dir = join(folder, repository.root);
  const answer = await server.build({ dir, reorder: repository.reorder ?? 'none' });
  return answer.error === undefined ? answer.output : new Error(answer.error);
}

/** Compares builds; a difference is asked about again in a fresh process, because kustomize keeps a schema between builds. */
export function comparer(
  parts: KustomizeParts,
  work: string,
): { compare(r: Repository): Promise<Comparison>; stop(): void } {
  const server = startKustomize(parts);
  return {
    stop: () => server.stop(),
    async compare(repository) {
      const folder = mkdtempSync(join(work, 'r-'));
      try {
        write(folder, repository);
        const { text: actual, why } = ours(folder, repository);
        let found = await asked(server, folder, repository);
        if ((found instanceof Error ? undefined : found) !== actual) {
          const fresh = startKustomize(parts);
          found = await asked(fresh, folder, repository);
          fresh.stop();
        }
        if (found instanceof Error) return { expected: undefined, actual, why: `kustomize: ${found.message}` };
        return { expected: found, actual, why };
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
