import type { Json, JsonObject } from '../../model/index.ts';
import { type Cbor, type CborMap, cborBytes, isCborMap, readCbor } from './cbor.ts';
import { type Envelope, openEnvelope } from './envelope.ts';

const SIGN1 = 18;
const LABEL = { algorithm: 1, critical: 2, contentType: 3, chain: 33 } as const;
const ALGORITHMS: ReadonlyMap<Cbor | undefined, string> = new Map([
  [-7, 'ES256'],
  [-35, 'ES384'],
  [-36, 'ES512'],
  [-37, 'PS256'],
  [-38, 'PS384'],
  [-39, 'PS512'],
]);
/** Times are tagged seconds since 1970. */
const EPOCH = 1;
const MOST_SECONDS = 253_402_300_799;

/** Reads a COSE envelope (Notary Project, "COSE Signature Envelope") and checks its signature; else why it is none. */
export function readCose(bytes: Buffer): Envelope | string {
  const outer = readCbor(bytes);
  const parts = isTag(outer, SIGN1) && Array.isArray(outer.value) ? (outer.value as readonly Cbor[]) : [];
  const [head, open, payload, signature] = parts;
  if (parts.length !== 4 || !Buffer.isBuffer(head) || !Buffer.isBuffer(payload) || !Buffer.isBuffer(signature))
    return 'it is not the COSE of a signature';
  const [protectedHeader, chain] = [readCbor(head), isCborMap(open) ? open.map.get(LABEL.chain) : undefined];
  if (!isCborMap(protectedHeader) || !Array.isArray(chain)) return 'it is not the COSE of a signature';
  return openEnvelope({
    ders: (chain as readonly Cbor[]).map((one) => (Buffer.isBuffer(one) ? one : Buffer.alloc(0))),
    header: headerOf(protectedHeader),
    payload,
    // Sig_structure (RFC 9052, 4.4), without data from outside.
    signed: Buffer.concat([
      Buffer.from([0x84, 0x6a]),
      Buffer.from('Signature1', 'latin1'),
      cborBytes(head),
      Buffer.from([0x40]),
      cborBytes(payload),
    ]),
    signature,
  });
}

const isTag = (value: Cbor | undefined, tag: number): value is { tag: number; value: Cbor } =>
  typeof value === 'object' && value !== null && 'tag' in value && value.tag === tag;

/** The protected header by the names of JWS. */
function headerOf({ map }: CborMap): JsonObject {
  const header: Record<string, Json> = Object.create(null);
  for (const [label, value] of map) if (typeof label === 'string') header[label] = jsonOf(value);
  const critical = map.get(LABEL.critical);
  header['alg'] = ALGORITHMS.get(map.get(LABEL.algorithm)) ?? null;
  header['cty'] = jsonOf(map.get(LABEL.contentType));
  header['crit'] = Array.isArray(critical) ? (critical as readonly Cbor[]).map(String) : null;
  return header;
}

/** Texts, and times as texts; null for the rest, which nobody asks for. */
function jsonOf(value: Cbor | undefined): Json {
  if (typeof value === 'string') return value;
  const seconds = isTag(value, EPOCH) ? value.value : undefined;
  if (typeof seconds !== 'number' || Math.abs(seconds) > MOST_SECONDS) return null;
  return new Date(seconds * 1000).toISOString();
}
