/** The turns of a codec worker on an event loop: its sockets are the runtime's, its bell wakes the loop, a timer ticks. */
import { Bell } from "../../ring/wait.ts";
import { CodecTicks } from "./ticks.ts";
import type { CodecTurns } from "./turns.ts";

/** Returns when the shutdown has ended. */
export async function turnByEvents({ boot, source, worker, drain, pass }: CodecTurns): Promise<void> {
  const ticking = new CodecTicks(boot.settings.limits, () => {
    pass();
    const hurried = worker.hurried || drain.going;
    worker.tick();
    return hurried;
  });
  try {
    await new Bell(boot.bells, boot.thread).listen(
      () => source.hasWork() || worker.hasWork() || drain.hasWork(),
      () => {
        pass();
        worker.turn();
        if (worker.hurried) ticking.hurry();
      },
      () => drain.ended,
    );
  } finally {
    ticking.stop();
  }
}
