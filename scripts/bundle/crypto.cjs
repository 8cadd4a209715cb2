// node:crypto for a process that ends at once. Loading it takes 4 to 7 ms and 3 MiB, which is more than most builds need
// in all; so what is short is hashed here, and it is loaded for what is long. test/unit/bundle compares both.
const SHORT = 4_096;

/** First 32 bits of the fractional part of the `power`-th root of each of the first `count` primes. */
function fractions(count, power) {
  const primes = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return Int32Array.from(primes, (p) => (p ** (1 / power) % 1) * 2 ** 32);
}

const tables = { start: undefined, round: undefined };

/** The message with its end mark and length, in whole blocks. */
function padded(bytes) {
  const all = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(all.buffer).set(bytes);
  all.setUint8(bytes.length, 0x80);
  all.setUint32(all.byteLength - 4, bytes.length * 8);
  return all;
}

/** One block into the state. Plain variables, since this runs once and is never compiled. */
function compress(state, words, block, at) {
  const round = tables.round;
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let i = 0; i < 64; i++) {
    let word;
    if (i < 16) word = block.getInt32(at + i * 4);
    else {
      const x = words[i - 15];
      const y = words[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      word = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
    }
    words[i] = word;
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t = (h + s1 + ((e & f) ^ (~e & g)) + round[i] + word) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t) | 0;
    d = c;
    c = b;
    b = a;
    a = (t + s0 + ((b & c) ^ (b & d) ^ (c & d))) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/** SHA-256 (FIPS 180-4) as hex. */
function sha256(bytes) {
  tables.start ??= fractions(8, 2);
  tables.round ??= fractions(64, 3);
  const state = tables.start.slice();
  const words = new Int32Array(64);
  const all = padded(bytes);
  for (let at = 0; at < all.byteLength; at += 64) compress(state, words, all, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** The hex digest of text or bytes, as crypto.hash gives it. */
function hash(name, data) {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return name === 'sha256' && bytes.length <= SHORT ? sha256(bytes) : require('node:crypto').hash(name, data);
}

module.exports = { hash };
