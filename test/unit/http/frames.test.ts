/** GET /v1/devices/{id}/frames over a real listener. */
import { afterEach, expect, test } from "bun:test";
import { connectedOf, frameOf } from "../../support/memory_store.ts";
import { OutWorld } from "../../support/out_world.ts";
import { ask } from "../../support/rest.ts";

let world: OutWorld;
afterEach(async () => {
  await world.stop();
  if (world.failure !== null) throw world.failure;
});

const T = 1_700_000_000_000;
interface Page {
  readonly frames: readonly {
    readonly seq: number;
    readonly hex: string;
    readonly from: number;
    readonly to: number;
    readonly new: number;
  }[];
  readonly next: string | null;
}

test("frames come newest first, in pages, with their bytes", async () => {
  world = await OutWorld.start();
  world.commit([connectedOf(1, "a", 1024)]);
  for (let i = 0; i < 5; i++) world.commit([frameOf(1, 1024, [{ time: T + 10 * i }, { time: T + 10 * i + 5 }], T + 100, [i !== 2, true])]);
  const path = "/v1/devices/a/frames";
  const first = (await ask<Page>(world.url, `${path}?limit=2`)).json;
  expect(first.frames).toMatchObject([
    { seq: 9, device: "a", fence: 1024, receivedAt: T + 100, codec: "8", records: 2, new: 2, from: T + 40, to: T + 45 },
    { seq: 7, from: T + 30 },
  ]);
  expect(first.frames[0]!.hex).toMatch(/^0802[0-9a-f]+02$/);
  const second = (await ask<Page>(world.url, `${path}?limit=2&after=${first.next}`)).json;
  expect(second.frames.map((one) => [one.seq, one.new])).toEqual([[6, 1], [4, 2]]);
  const last = (await ask<Page>(world.url, `${path}?limit=2&after=${second.next}`)).json;
  expect([last.frames.map((one) => one.seq), last.next]).toEqual([[2], null]);
  expect((await ask(world.url, "/v1/devices/b/frames")).status).toBe(404);
  for (const query of ["?limit=0", "?limit=201", "?after=x", "?order=time"]) expect((await ask(world.url, path + query)).status).toBe(400);
});
