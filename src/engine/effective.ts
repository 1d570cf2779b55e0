/** What the settings come to on this machine. Called by the supervisor, once. */
import { err, ok, type Result } from "../base/result.ts";
import type { Settings } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";

/** Descriptors that are not device sockets: HTTP clients, the store, the runtime's own. */
const OTHER_DESCRIPTORS = 512;
const CONNECTIONS_MIN = 64;

type Needs = Pick<Platform, "acceptor" | "raiseFileLimit" | "hostName" | "pid" | "name">;

/** Chooses how to accept, names the instance, and bounds the connections by the limit of open files, which it raises. */
export function effectiveSettings(settings: Settings, platform: Needs): Result<Settings, "accept_unavailable"> {
  const { tcp, limits } = settings;
  if (tcp.accept === "fd" && platform.acceptor === null) {
    return err(
      "accept_unavailable",
      `Cannot use [tcp] accept = "fd": ${platform.name} cannot pass descriptors here; use "auto" or "reuseport"`,
    );
  }
  const files = Math.max(CONNECTIONS_MIN, platform.raiseFileLimit() - OTHER_DESCRIPTORS);
  return ok({
    ...settings,
    instance: settings.instance === "" ? `${platform.hostName()}-${platform.pid}` : settings.instance,
    tcp: { ...tcp, accept: tcp.accept !== "auto" ? tcp.accept : platform.acceptor === null ? "reuseport" : "fd" },
    limits: {
      ...limits,
      connections: Math.min(limits.connections, files),
      httpConnections: Math.min(limits.httpConnections, Math.floor(files / 2)),
    },
  });
}
