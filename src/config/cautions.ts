/** Settings that may be together, though one of them does not reach as far as it may seem. Said at the start and by `berth check`. Pure. */
import type { Settings } from "./settings.ts";

export function cautions({ tcp }: Settings): string[] {
  const said: string[] = [];
  if (tcp.proxy !== null && tcp.tls !== null) {
    said.push(
      "[tcp] proxy_protocol holds for [tcp] listen alone: [tcp.tls] listen takes no PROXY header, and a balancer that sends one there is refused; let it end TLS itself",
    );
  }
  return said;
}
