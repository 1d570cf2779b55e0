/** The consumer of a stress run against streams that leave something out. */
import { afterEach, expect, test } from "bun:test";
import { StressWatch } from "../../../src/cli/stress_watch.ts";

let server: ReturnType<typeof Bun.serve> | null = null;
afterEach(async () => {
  await server?.stop(true);
});

type Told = readonly [seq: number, event: string, data: object];

/** What a watch says of a stream with these events. */
async function complaints(events: readonly Told[]): Promise<{ said: string[]; watch: StressWatch }> {
  const said: string[] = [];
  const text = events.map(([seq, event, data]) => `id: e1.${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(text, { headers: { "content-type": "text/event-stream" } }),
  });
  const watch = new StressWatch("e1.4", (rule, what) => said.push(`${rule}: ${what}`));
  watch.follow(`http://127.0.0.1:${server.port}`);
  await watch.reach(`e1.${events.at(-1)![0]}`);
  await watch.leave();
  return { said: said.slice(0, 3), watch };
}

const record = (fence: number) => ({ device: "A", fence, time: 1 });

test("watch has nothing to say of a whole stream, and counts its records", async () => {
  const { said, watch } = await complaints([[5, "connected", record(8)], [6, "record", record(8)], [7, "replaced", record(9)], [
    8,
    "record",
    record(9),
  ], [9, "disconnected", record(9)]]);
  expect(said).toEqual([]);
  expect([watch.records.get("A"), watch.gaps]).toEqual([2, 0]);
});

test("watch finds a seq that was left out, and takes a gap that is told for none", async () => {
  expect((await complaints([[5, "connected", record(8)], [7, "record", record(8)]])).said).toEqual(["gaps: seq 7 came after 5"]);
  const told = await complaints([[5, "connected", record(8)], [7, "gap", { from: 6, to: 7, cause: "retention" }], [
    8,
    "record",
    record(8),
  ]]);
  expect([told.said, told.watch.gaps]).toEqual([[], 1]);
});

test("watch finds a fence that does not rise, and a record of a fence that is over", async () => {
  expect((await complaints([[5, "connected", record(8)], [6, "replaced", record(8)]])).said).toEqual([
    "fences: replaced of A has fence 8 after 8",
  ]);
  expect((await complaints([[5, "connected", record(8)], [6, "replaced", record(9)], [7, "record", record(8)]])).said).toEqual([
    "fences: record of A has fence 8 after 9",
  ]);
});
