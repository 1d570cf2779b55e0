/** Performs what a fault point asks for. Any thread. See base/fault_point.ts. */
import type { FaultPoints } from "../base/fault_point.ts";
import type { Platform } from "../platform/port.ts";

const LOOK_MS = 2;
const nothing = new Int32Array(new SharedArrayBuffer(4));

type Needs = Pick<Platform, "kill" | "env" | "exists" | "writeErr">;

/** Passes the point: throws, spins for ever, waits or kills the process when told to; returns true when the caller shall fail. */
export function passFault(platform: Needs, faults: FaultPoints, point: string): boolean {
  switch (faults.at(point)) {
    case null:
      return false;
    case "fail":
      return true;
    case "throw":
      throw new Error(`fault point ${point}`);
    case "kill":
      return platform.kill();
    case "hold":
      hold(platform, point);
      return false;
    case "spin":
      for (;;);
  }
}

/** Says that the thread stands at the point, and stands there until it is let go. */
function hold(platform: Needs, point: string): void {
  const release = platform.env("BERTH_FAULTS_RELEASE") ?? "";
  platform.writeErr(`${JSON.stringify({ held: point })}\n`);
  while (release !== "" && !platform.exists(release)) Atomics.wait(nothing, 0, 0, LOOK_MS);
}
