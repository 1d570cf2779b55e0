/**
 * The turns of a codec worker that blocks in the kernel for its sockets, its bell and its next tick at once. Nothing else runs
 * on its thread: no timer, no promise, no message. Owned by the codec worker.
 */
import type { SocketLoop } from "../../platform/socket_loop.ts";
import { Bell } from "../../ring/wait.ts";
import { Leftovers } from "../leftovers.ts";
import { longSleepMs } from "../watch.ts";
import { TICK_MS } from "./context.ts";
import type { CodecTurns } from "./turns.ts";

/** Returns when the shutdown has ended. */
export function turnByBlocking({ boot, platform, source, worker, drain, pass }: CodecTurns, sockets: SocketLoop): void {
  const { limits } = boot.settings;
  const { clock } = platform;
  const bell = new Bell(boot.bells, boot.thread);
  const leftovers = new Leftovers(platform, limits, (discard) => worker.giveBack(discard));
  const hasWork = (): boolean => source.hasWork() || worker.hasWork() || drain.hasWork();
  const sleep = (timeoutMs: number): boolean => sockets.wait(timeoutMs);
  const sleepMs = longSleepMs(limits);
  bell.hangDoorbell(sockets.doorbell);
  let opened = 0;
  /** Something came since the last tick: the gauges are to say so within a second. */
  let came = false;
  let nextTick = clock.mono() + TICK_MS;
  while (!drain.ended) {
    pass();
    worker.turn();
    const now = clock.mono();
    if (now >= nextTick) {
      worker.tick();
      nextTick = now + (came ? limits.idleWaitMs : sleepMs);
      came = false;
    } else if (came) nextTick = Math.min(nextTick, now + limits.idleWaitMs);
    nextTick = Math.min(nextTick, worker.hurried || drain.going ? now + TICK_MS : Math.min(worker.dueAt, source.dueAt));
    if (bell.waitBy(Math.max(0, Math.ceil(nextTick - now)), hasWork, sleep)) {
      came = true;
      sockets.serve();
      worker.publish();
      leftovers.worked(worker.opened - opened);
      opened = worker.opened;
    } else leftovers.idle();
  }
}
