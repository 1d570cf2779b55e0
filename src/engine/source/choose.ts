/** Makes the socket source the supervisor chose. Called by the codec worker. */
import { assert } from "../../base/assert.ts";
import type { Platform } from "../../platform/port.ts";
import type { Boot } from "../boot.ts";
import { FdSource } from "./fd.ts";
import { ReusePortSource } from "./reuse_port.ts";
import type { SocketSource } from "./socket.ts";

export function chooseSource(boot: Boot, platform: Platform): SocketSource {
  assert(boot.settings.tcp.accept !== "auto", "the supervisor has not chosen how to accept");
  return boot.settings.tcp.accept === "fd" ? new FdSource(boot, platform) : new ReusePortSource(boot, platform);
}
