import { foundGoTool } from '../parts/index.ts';
import { startLines } from './lines.ts';

/** Pinned here and in go.mod. */
const VERSION = 'v5.8.1';
/** Another number for another main.go: what is in the cache is not built anew. */
const SERVER = 2;
const LINKED = `-X sigs.k8s.io/kustomize/api/provenance.version=kustomize/${VERSION}`;

/** kustomize as its own program, and as a library in a process that answers many questions. */
export interface KustomizeParts {
  readonly kustomize: string;
  readonly server: string;
}

/** Finds both in the cache, or builds them with Go; undefined where there is no Go. */
export function kustomizeParts(): Promise<KustomizeParts | undefined> {
  return foundGoTool({
    kept: 'kustomize/',
    name: 'kustomize',
    version: `${VERSION}-${SERVER}`,
    module: import.meta.dirname,
    packages: { kustomize: 'sigs.k8s.io/kustomize/kustomize/v5', server: '.' },
    minutes: 1,
    link: LINKED,
  });
}

/** What to build. */
export interface Question {
  readonly dir: string;
  readonly reorder: 'none' | 'legacy';
  readonly unrestricted?: boolean;
}

/** The output, or why there is none. */
export interface Answer {
  readonly output: string;
  readonly error?: string;
  /** CPU of the build, microseconds. */
  readonly cpu: number;
}

export interface KustomizeServer {
  build(question: Question): Promise<Answer>;
  /** Its process id. */
  readonly pid: number;
  stop(): void;
}

/**
 * Starts the library. One schema is kept for the whole process, as in kustomize: what one build sets may show in the next.
 * Ask a fresh one where an answer surprises.
 */
export function startKustomize(parts: KustomizeParts): KustomizeServer {
  const { ask, pid, stop } = startLines<Question, Answer>(parts.server, ({ dir }) => dir);
  return { build: ask, pid, stop };
}
