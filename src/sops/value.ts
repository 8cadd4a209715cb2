import { createDecipheriv } from 'node:crypto';
import { parseRfc3339 } from './time.ts';
import type { Scalar } from './tree.ts';

const SHAPE = /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]+),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z]+)\]$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const TAG_BYTES = 16;
/** SOPS writes 32 bytes. */
const MOST_IV_BYTES = 64;

/** Whether a text is a value that SOPS encrypted. */
export const isEncryptedValue = (text: string): boolean => SHAPE.test(text);

/** Why a value cannot be decrypted; never the value itself. */
export class ValueError extends Error {}

/**
 * Decrypts one value. `path` is the place that it was encrypted for, as SOPS writes it: keys joined by ':', and a ':' at
 * the end; a value that was moved does not decrypt. The empty text stands for itself. Throws ValueError.
 */
export function decryptValue(value: string, key: Uint8Array, path: string): Scalar {
  if (value === '') return { type: 'str', bytes: new Uint8Array() };
  const [, data = '', iv = '', tag = '', type = ''] = SHAPE.exec(value) ?? [];
  if (tag === '') throw new ValueError("the value does not match sops' data format");
  const [cipher, nonce, mark] = [data, iv, tag].map(bytesOf);
  if (cipher === undefined || nonce === undefined || mark === undefined)
    throw new ValueError('its base64 cannot be read');
  if (mark.length !== TAG_BYTES || nonce.length === 0 || nonce.length > MOST_IV_BYTES)
    throw new ValueError('its nonce or tag has a wrong length');
  return typed(type, openGcm(key, { cipher, nonce, mark }, path));
}

function bytesOf(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function openGcm(key: Uint8Array, parts: { cipher: Buffer; nonce: Buffer; mark: Buffer }, path: string): Buffer {
  try {
    const open = createDecipheriv('aes-256-gcm', key, parts.nonce, { authTagLength: TAG_BYTES });
    open.setAAD(Buffer.from(path));
    open.setAuthTag(parts.mark);
    return Buffer.concat([open.update(parts.cipher), open.final()]);
  } catch {
    throw new ValueError('could not decrypt with AES_GCM: it was changed, or moved here from another place');
  }
}

const BOOLS: Readonly<Record<string, boolean>> = {
  1: true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  0: false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

function typed(type: string, bytes: Buffer): Scalar {
  if (type === 'str' || type === 'bytes') return { type: 'str', bytes };
  const text = bytes.toString('utf8');
  if (type === 'comment') return { type: 'comment', text };
  if (type === 'int' && /^[+-]?[0-9]{1,19}$/.test(text) && fits64(BigInt(text.replace('+', ''))))
    return { type: 'int', value: BigInt(text.replace('+', '')) };
  if (type === 'float') {
    const value = floatOf(text);
    if (value !== undefined) return { type: 'float', value };
  }
  const bool = type === 'bool' && Object.hasOwn(BOOLS, text) ? BOOLS[text] : undefined;
  if (bool !== undefined) return { type: 'bool', value: bool };
  const time = type === 'time' ? parseRfc3339(text) : undefined;
  if (time !== undefined) return { type: 'time', text: time };
  throw new ValueError(`it holds no ${/^(?:int|float|bool|time)$/.test(type) ? type : 'known type'}`);
}

export const fits64 = (value: bigint): boolean => value >= -(2n ** 63n) && value < 2n ** 63n;

function floatOf(text: string): number | undefined {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  return /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text) ? Number(text) : undefined;
}
