/** Networks, as `10.0.0.0/8, 192.0.2.7`. Pure. */
import { type Network, parseNetwork } from "../base/ip_address.ts";

/** Null: one of them is none. */
export function parseNetworks(text: string): readonly Network[] | null {
  const networks: Network[] = [];
  for (const one of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const network = parseNetwork(one);
    if (network === null) return null;
    networks.push(network);
  }
  return networks;
}
