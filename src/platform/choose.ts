/** Picks the runtime's implementation of the port. Dynamic: each names modules that the other does not have. */
import type { Platform } from "./port.ts";

export async function choosePlatform(): Promise<Platform> {
  if ("Bun" in globalThis) return (await import("./bun.ts")).bunPlatform();
  return (await import("./deno.ts")).denoPlatform();
}
