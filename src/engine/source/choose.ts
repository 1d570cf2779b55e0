/** Makes the socket source the supervisor chose. Called by the codec worker. */
import { assert } from "../../base/assert.ts";
import type { Platform } from "../../platform/port.ts";
import type { Boot } from "../boot.ts";
import { FdSource } from "./fd.ts";
import { ProxiedSource } from "./proxied.ts";
import { ReusePortSource } from "./reuse_port.ts";
import type { SocketSource } from "./socket.ts";

/** `warn`: says why sockets are turned away, now and then. */
export function chooseSource(boot: Boot, platform: Platform, warn: (text: string) => void): SocketSource {
  const { accept, proxy } = boot.settings.tcp;
  assert(accept !== "auto", "the supervisor has not chosen how to accept");
  const plain = accept === "fd" ? new FdSource(boot, platform) : new ReusePortSource(boot, platform, warn);
  return proxy === null ? plain : new ProxiedSource(plain, boot, proxy, platform.clock, warn);
}
