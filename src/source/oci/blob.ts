import type { PartialContent, WireResponse } from '../../ports/index.ts';
import { mediaTypeOf } from '../answers.ts';
import { bringFile } from '../transfer.ts';
import { call, callName } from './call.ts';
import { during, PHASES, pageFault, statusFault } from './faults.ts';
import type { Descriptor } from './manifest.ts';
import type { OciSession } from './request.ts';

/** Brings a layer to this disk, whole and proven by its digest; what came is kept when this fails. */
export function bringBlob(session: OciSession, layer: Descriptor): Promise<PartialContent> {
  const { ports, request, limits, options } = session;
  const { signal, onSize, onKept } = options;
  const what = { method: 'GET', path: `/v2/${session.place.name}/blobs/${layer.digest}` } as const;
  const name = (): string => callName(session, what);
  return bringFile(
    { ...ports, attempt: session, limits, signal, onSize, onKept },
    {
      owner: request.owner,
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
        return 'range' in headers ? asked() : during(PHASES.first, asked);
      },
    },
  );
}
