import { Fault } from '../../model/index.ts';
import { allOf } from '../answers.ts';
import type { Listed } from './api.ts';
import { objectLead } from './leads.ts';
import type { BucketAnswer } from './session.ts';

/**
 * The bytes of an object, in one buffer of its size. Fault `source-corrupt` when they are more or fewer than listed. An
 * object that is stored compressed (Content-Encoding) comes as it was before; its listed size is that of what was
 * transferred, and `grow` is told of each byte of it beyond that.
 */
export async function readObject(
  answer: BucketAnswer,
  { key, size }: Pick<Listed, 'key' | 'size'>,
  grow: (bytes: number) => void = () => undefined,
): Promise<Buffer> {
  const lead = objectLead(key);
  const declared = answer.headers['content-length'];
  if (declared !== undefined && Number(declared) !== size) throw wrongSize(lead, Number(declared), size);
  const coding = answer.headers['content-encoding'] ?? '';
  if (coding !== '' && coding !== 'identity') return allOf(counted(answer.body, size, grow));
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for await (const part of answer.body) {
    if (at + part.length > size) throw wrongSize(lead, at + part.length, size);
    bytes.set(part, at);
    at += part.length;
  }
  if (at !== size) throw wrongSize(lead, at, size);
  return bytes;
}

/** The same, telling of what passes the size that was foreseen. */
async function* counted(
  body: AsyncIterable<Uint8Array>,
  size: number,
  grow: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const part of body) {
    if (part.length > left) grow(part.length - left);
    left = Math.max(0, left - part.length);
    yield part;
  }
}

function wrongSize(lead: string, got: number, size: number): Fault {
  return new Fault('source-corrupt', `${lead}the server sends ${got} bytes and listed ${size}`);
}
