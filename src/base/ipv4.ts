/** IPv4 addresses as numbers, where many are kept. Pure. */

const DOT = 0x2e;
const ZERO = 0x30;

/** The address as 32 bits; 0 when `text` is none, or 0.0.0.0, or not spelled as `unpackIpv4` spells it. */
export function packIpv4(text: string): number {
  let bits = 0;
  let byte = 0;
  let digits = 0;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || byte > 0xff) return 0;
      bits = (bits << 8) | byte;
      byte = digits = 0;
      parts++;
    } else {
      // No leading zero, and nothing after a third digit.
      if (code < ZERO || code > ZERO + 9 || digits === 3 || (digits === 1 && byte === 0)) return 0;
      byte = byte * 10 + code - ZERO;
      digits++;
    }
  }
  return parts === 4 ? bits >>> 0 : 0;
}

export const unpackIpv4 = (bits: number): string => `${bits >>> 24}.${(bits >>> 16) & 0xff}.${(bits >>> 8) & 0xff}.${bits & 0xff}`;
