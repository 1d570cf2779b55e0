/** A 64-bit hash of bytes as 16 hex digits, for telling frames apart that are compared by nothing else. Not for secrets. Pure. */
export function hash64(bytes: Uint8Array): string {
  let a = 0x9e3779b9 ^ bytes.length;
  let b = 0x85ebca6b;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = Math.imul(b ^ bytes[i]!, 0x5bd1e995);
    b ^= b >>> 13;
  }
  return hex(mixed(a ^ (b << 16))) + hex(mixed(b ^ (a >>> 16)));
}

function mixed(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");
