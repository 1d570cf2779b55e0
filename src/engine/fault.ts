/** Performs what a fault point asks for. Any thread. See base/fault_point.ts. */
import type { FaultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";

/** Passes the point: throws, spins for ever or kills the process when told to; returns true when the caller shall fail. */
export function passFault(platform: Pick<Platform, "kill">, faults: FaultPoints, point: string): boolean {
  switch (faults.at(point)) {
    case null:
      return false;
    case "fail":
      return true;
    case "throw":
      throw new Error(`fault point ${point}`);
    case "kill":
      return platform.kill();
    case "spin":
      for (;;);
  }
}
