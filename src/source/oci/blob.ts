import type { PartialContent, WireResponse } from '../../ports/index.ts';
import { mediaTypeOf } from '../answers.ts';
import { bringFile } from '../transfer.ts';
import { call, callName } from './call.ts';
import { during, PHASES, type Phase, pageFault, statusFault } from './faults.ts';
import type { Descriptor } from './manifest.ts';
import type { OciSession } from './request.ts';

/** For whom a blob is brought, where it is not the layer of a source. */
export interface BlobFor {
  /** Names the transfer, to go on with. */
  readonly owner: string;
  readonly phase: Phase;
}

/** Brings a blob to this disk, whole and proven by its digest; what came is kept when this fails. */
export function bringBlob(
  session: OciSession,
  layer: Pick<Descriptor, 'digest' | 'size'>,
  { owner, phase }: BlobFor = { owner: session.request.owner, phase: PHASES.first },
): Promise<PartialContent> {
  const { ports, limits, options } = session;
  const { signal, onSize, onKept } = options;
  const what = { method: 'GET', path: `/v2/${session.place.name}/blobs/${layer.digest}` } as const;
  const name = (): string => callName(session, what);
  return bringFile(
    { ...ports, attempt: session, limits, signal, onSize, onKept },
    {
      owner,
      digest: layer.digest,
      size: layer.size,
      what: 'layer',
      name,
      ask: (headers, maxBytes) => {
        const asked = async (): Promise<WireResponse> => {
          const response = await call(session, { ...what, headers, maxBytes, limit: 'artifactBytes' });
          const { status } = response;
          if (status === 416) return response;
          if (status !== 200 && status !== 206) throw await statusFault(session, response, name());
          if (mediaTypeOf(response.headers['content-type']) === 'text/html') throw pageFault(session, response, name());
          return response;
        };
        // A part of it is here already where only the rest is asked for.
        return 'range' in headers ? asked() : during(phase, asked);
      },
    },
  );
}
