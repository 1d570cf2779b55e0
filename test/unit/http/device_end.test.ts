/** One device whose end the registry has told and the journal has not written. */
import { afterEach, expect, test } from "bun:test";
import type { Limits } from "../../../src/base/limits.ts";
import { connectedOf, eventOf } from "../../support/memory_store.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask } from "../../support/rest.ts";

const T = 1_700_000_000_000;
let world: OutWorld;
const start = async (limits: Partial<Limits>, before: (world: OutWorld) => void): Promise<void> => {
  world = await OutWorld.start(limits, before);
};
afterEach(async () => {
  await world.stop();
  if (world.failure !== null) throw world.failure;
});
const get = (path: string) => ask(world.url, path);
const two = (made: OutWorld): void => made.commit([connectedOf(1, "d1", 1024), connectedOf(2, "d2", 2048)]);

test("one that has just gone is told of when the journal has written it, and not as it was before", async () => {
  await start({}, two);
  const kept = world.board.commandsKept();
  world.standing.set("d1", { known: true, connected: false, told: kept + 64 });
  const answers: unknown[] = [];
  const asking = get("/v1/devices/d1").then(({ json }) => answers.push(json));
  expect((await get("/v1/devices/d2")).status).toBe(200);
  expect(answers).toEqual([]);
  world.commit([connectedOf(1, "d1", 9216), eventOf("disconnected", 1, 9216, { reason: "closed", lastByteAt: T + 5 }, T + 10)]);
  world.board.setCommandsKept(kept + 64);
  await asking;
  expect(answers).toMatchObject([{ connected: false, fence: 9216 }]);
});

test("while the journal cannot write it, it is 503", async () => {
  await start({ readWaitMs: 20 }, two);
  world.standing.set("d1", { known: true, connected: false, told: world.board.commandsKept() + 64 });
  const { status, json } = await get("/v1/devices/d1");
  expect([status, (json as { detail: string }).detail]).toEqual([503, "the device's last event is not on the disk after 20 ms"]);
});
