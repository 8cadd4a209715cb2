/** Multiplication in GF(2^8), the field of AES. */
function times(a: number, b: number): number {
  let sum = 0;
  for (let bit = 7; bit >= 0; bit--) {
    sum = (sum << 1) ^ ((sum & 0x80) === 0 ? 0 : 0x11b);
    if (((b >> bit) & 1) === 1) sum ^= a;
  }
  return sum;
}

/** a^254, which is 1/a. */
function inverse(a: number): number {
  let power = a;
  for (let i = 0; i < 6; i++) power = times(times(power, power), a);
  return times(power, power);
}

/**
 * Puts a secret together of its parts (Shamir): each is a byte of the polynomial for each byte of the secret, then the
 * place where it was evaluated. Undefined when the parts are no parts of one secret.
 */
export function combine(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const size = (parts[0]?.length ?? 0) - 1;
  const places = parts.map((part) => part[size] ?? 0);
  const sound = size > 0 && parts.length > 1 && parts.every((part) => part.length === size + 1);
  if (!sound || new Set(places).size !== places.length || places.includes(0)) return undefined;
  const weights = places.map((x, i) =>
    places.reduce((product, other, j) => (i === j ? product : times(product, times(other, inverse(x ^ other)))), 1),
  );
  const secret = new Uint8Array(size);
  for (const [i, part] of parts.entries())
    for (let k = 0; k < size; k++) secret[k] = (secret[k] ?? 0) ^ times(part[k] ?? 0, weights[i] ?? 0);
  return secret;
}
