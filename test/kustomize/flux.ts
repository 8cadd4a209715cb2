import { join } from 'node:path';
import { foundGoTool } from '../parts/index.ts';
import { type LineServer, startLines } from './lines.ts';

/** Pinned here and in flux/go.mod: what Flux 2.9 is made of, with kustomize v5.8.1 in it. */
export const FLUX_KUSTOMIZE = 'v1.35.6';
const LINKED = '-X sigs.k8s.io/kustomize/api/provenance.version=kustomize/v5.8.1';

/** A template with its variables, or, with a spec, a source and the fields of the Kustomization that builds it. */
export interface FluxQuestion {
  readonly text?: string;
  readonly vars?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly strict: boolean;
}

/** The output, or why there is none. */
export interface FluxAnswer {
  readonly output: string;
  readonly error?: string;
}

/** Starts Flux's own code, built when it is not in the cache; nothing where it is not there and there is no Go. */
export async function startFluxKustomize(): Promise<LineServer<FluxQuestion, FluxAnswer> | undefined> {
  const found = await foundGoTool({
    kept: 'kustomize/flux-',
    name: 'fluxcd/pkg/kustomize',
    version: FLUX_KUSTOMIZE,
    module: join(import.meta.dirname, 'flux'),
    packages: { server: '.' },
    minutes: 2,
    link: LINKED,
  });
  if (found === undefined) return undefined;
  return startLines<FluxQuestion, FluxAnswer>(found.server, ({ text, spec }) => text ?? String(spec?.['path']));
}
