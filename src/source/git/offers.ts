import { call } from './http.ts';
import { packetText, readPackets } from './pkt.ts';
import type { GitSession, Offers } from './request.ts';

/** What a v2 server can do: one small request, once an attempt. Nothing of it where the answer is not understood. */
export async function offersOf(session: GitSession): Promise<Offers> {
  const { told } = session;
  told.offers ??= await askOffers(session);
  return told.offers;
}

async function askOffers(session: GitSession): Promise<Offers> {
  const answer = await call(session, {
    path: '/info/refs?service=git-upload-pack',
    maxBytes: session.limits.advertisedRefs * 512,
    limit: 'advertisedRefs',
    version: 2,
    compress: true,
  });
  try {
    if (answer.fault !== undefined) throw answer.fault;
    let filter = false;
    for await (const packet of readPackets(answer.body)) {
      const line = typeof packet === 'string' ? '' : packetText(packet);
      if (line.startsWith('fetch=')) filter = line.slice(6).split(' ').includes('filter');
    }
    return { filter };
  } finally {
    answer.close();
  }
}
