/** Headers as a balancer writes them. */
export const V2_SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);

export const v1Header = (address: string, port: number): Uint8Array =>
  new TextEncoder().encode(
    `PROXY ${address.includes(":") ? "TCP6" : "TCP4"} ${address} ${address.includes(":") ? "::1" : "127.0.0.1"} ${port} 5027\r\n`,
  );

/** `address`: the 4, 16 or (unix) 108 bytes of each end; none: LOCAL. */
export function v2Header(address: readonly number[], port: number, tlvs: Uint8Array = new Uint8Array(0), command = 1): Uint8Array {
  const isUnix = address.length === 108;
  const ports = address.length === 0 || isUnix ? [] : [port >> 8, port & 255, 5027 >> 8, 5027 & 255];
  const family = address.length === 4 ? 0x11 : address.length === 16 ? 0x21 : isUnix ? 0x31 : 0;
  const length = 2 * address.length + ports.length + tlvs.length;
  return Uint8Array.from([...V2_SIGNATURE, 0x20 | command, family, length >> 8, length & 255, ...address, ...address, ...ports, ...tlvs]);
}
