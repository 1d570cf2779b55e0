/** Between a connection and who takes its events: order, bounds, and where it may go on. */
import { describe, expect, test } from "bun:test";
import type { BerthEvent } from "../../../src/client/events.ts";
import { Inbox } from "../../../src/client/inbox.ts";

const event = (seq: number, channel = ""): BerthEvent =>
  ({ event: "record", id: `e.${seq}`, channel, data: { seq } }) as unknown as BerthEvent;

function inbox(eventsMax = 4, charsMax = 1000): { box: Inbox; said: string[] } {
  const said: string[] = [];
  return { box: new Inbox(eventsMax, charsMax, (isFull) => said.push(isFull ? "full" : "room")), said };
}

describe("inbox", () => {
  test("hands events over in their order, to who waits and to who comes later", async () => {
    const { box } = inbox();
    const waiting = [box.take(), box.take()];
    for (const seq of [1, 2, 3]) box.put(event(seq), 1);
    expect((await Promise.all([...waiting, box.take()])).map((one) => one!.id)).toEqual(["e.1", "e.2", "e.3"]);
  });

  test("is full at its bound of events or characters, says so once, and has room at half of it", async () => {
    for (const [eventsMax, charsMax] of [[4, 1000], [1000, 4]] as const) {
      const { box, said } = inbox(eventsMax, charsMax);
      for (const seq of [1, 2, 3]) box.put(event(seq), 1);
      expect(said).toEqual([]);
      for (const seq of [4, 5]) box.put(event(seq), 1);
      expect([said, box.isFull]).toEqual([["full"], true]);
      let hasRoom = false;
      const room = box.room().then(() => hasRoom = true);
      await box.take();
      await box.take();
      expect([said, hasRoom]).toEqual([["full"], false]);
      await box.take();
      await room;
      expect([said, box.isFull]).toEqual([["full", "room"], false]);
    }
  });

  test("the cursor is that of what was taken, not of what came", async () => {
    const { box } = inbox();
    box.reached("a", "e.1");
    expect([box.takenOf("a"), box.takenOf("b")]).toEqual(["e.1", null]);
    box.put(event(2, "a"), 1);
    box.put(event(3, "b"), 1);
    box.reached("a", "e.4");
    box.reached("a", "e.5");
    expect([box.takenOf("a"), box.takenOf("b")]).toEqual(["e.1", null]);
    await box.take();
    expect(box.takenOf("a")).toBe("e.2");
    await box.take();
    expect([box.takenOf("a"), box.takenOf("b")]).toEqual(["e.5", "e.3"]);
  });

  test("a position never takes a cursor back behind an event that came after it", async () => {
    const { box } = inbox();
    box.put(event(1, "a"), 1);
    box.reached("a", "e.2");
    box.put(event(3, "a"), 1);
    await box.take();
    await box.take();
    expect(box.takenOf("a")).toBe("e.3");
    box.forget("a");
    expect(box.takenOf("a")).toBe(null);
  });

  test("at the end what is there is still taken, unless it ends now", async () => {
    const soft = inbox().box;
    soft.put(event(1), 1);
    soft.end(false);
    soft.put(event(2), 1);
    expect([(await soft.take())?.id, await soft.take(), await soft.take()]).toEqual(["e.1", null, null]);
    const hard = inbox(1).box;
    hard.put(event(1), 1);
    const room = hard.room();
    hard.end(true);
    await room;
    expect(await hard.take()).toBe(null);
    const waiting = inbox().box;
    const taken = waiting.take();
    waiting.end(false);
    expect(await taken).toBe(null);
  });
});
