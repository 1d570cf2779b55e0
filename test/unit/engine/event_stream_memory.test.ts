/** What a long event stream leaves in memory: nothing of what was taken. */
import { expect, test } from "bun:test";
import type { BodySink } from "../../../src/platform/body.ts";
import { pulledBody } from "../../../src/platform/pulled_body.ts";

const CHUNKS = 400;

test("an event stream that is pulled keeps nothing of what its client has taken", async () => {
  const made: WeakRef<Uint8Array>[] = [];
  let isGone = false;
  const body = pulledBody({
    ready(sink: BodySink) {
      const bytes = new Uint8Array(1000);
      made.push(new WeakRef(bytes));
      expect(sink.write(bytes)).toBe(false);
    },
    gone: () => isGone = true,
  });
  const reader = body.getReader();
  for (let i = 0; i < CHUNKS; i++) expect((await reader.read()).value?.length).toBe(1000);
  await new Promise((resolve) => setTimeout(resolve, 1));
  Bun.gc(true);
  const kept = made.filter((ref) => ref.deref() !== undefined).length;
  expect([made.length >= CHUNKS, kept < CHUNKS / 4]).toEqual([true, true]);
  await reader.cancel();
  expect(isGone).toBe(true);
});
