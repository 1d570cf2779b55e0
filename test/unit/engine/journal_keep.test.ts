/** What the journal says is on the disk of the registry's ring: what it has synced, wherever the ring's positions stand. */
import { afterAll, expect, test } from "bun:test";
import { faultPoints } from "../../../src/base/fault_point.ts";
import type { Boot } from "../../../src/engine/boot.ts";
import { JournalEvents } from "../../../src/engine/journal/events.ts";
import { JournalIntake } from "../../../src/engine/journal/intake.ts";
import { JournalKeep } from "../../../src/engine/journal/keep.ts";
import { JournalMeter } from "../../../src/engine/journal/meter.ts";
import { makeMemory, makeRoster } from "../../../src/engine/memory.ts";
import { distance } from "../../../src/ring/layout.ts";
import { RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { Board } from "../../../src/wire/board.ts";
import { type Message, send } from "../../../src/wire/control.ts";
import { here } from "../../support/here.ts";
import { settingsWith } from "../../support/out_world.ts";
import { endBenches, NOW, StoreBench } from "../../support/store_bench.ts";

afterAll(endBenches);

/** A journal whose registry's ring begins at `start`. */
function world(start: number) {
  const bench = new StoreBench();
  const settings = settingsWith({ ringStartPosition: start });
  const roster = makeRoster(1);
  const memory = makeMemory(settings, roster);
  const boot: Boot = {
    role: "journal",
    thread: roster.journal,
    index: 0,
    instance: "test",
    settings,
    faults: "",
    roster,
    recovered: null,
    ...memory,
  };
  const board = new Board(memory.board);
  const events = new JournalEvents(bench.journal, 0);
  const intake = new JournalIntake(bench.journal, events, boot.rings.lifecycle, [], []);
  const keep = new JournalKeep({
    boot,
    platform: { ...here, openForSync: () => ({ sync: () => {}, close: () => {} }) },
    board,
    faults: faultPoints(""),
    journal: bench.journal,
    intake,
    verdicts: [],
    meter: new JournalMeter(boot),
    kept: () => {},
  });
  const ring = new RingProducer(boot.rings.lifecycle, new Bell(boot.bells, roster.journal));
  return {
    tell: (message: Message): void => {
      expect(send(ring, message)).toBe(true);
      ring.publish();
    },
    commit: (): void => {
      intake.take();
      expect(bench.journal.commit()).toEqual({ ok: true });
      keep.keep(0, 0, true);
    },
    /** Is all that was told on the disk, by the word on the board? */
    isKept: (): boolean => distance(board.commandsKept(), ring.position) >= 0,
  };
}

const connected = (fence: number): Message => ({
  type: "connected",
  device: "a",
  fence,
  ring: 0,
  conn: 1,
  transport: 0,
  address: "h",
  port: 1,
  clientInstance: "",
  at: NOW,
});

test("nothing of the registry's ring counts as kept before a commit, wherever its positions begin", () => {
  for (const start of [0, 2 ** 31 - 64, 2 ** 31 + 4096, 2 ** 32 - 64]) {
    const { tell, commit, isKept } = world(start);
    tell(connected(1024));
    expect([start, isKept()]).toEqual([start, false]);
    commit();
    expect([start, isKept()]).toEqual([start, true]);
  }
});

test("what is kept moves on with commits that hold no command, so that a later one is never taken for kept", () => {
  const { tell, commit, isKept } = world(0);
  for (let fence = 1; fence < 4; fence++) {
    tell(connected(fence * 1024));
    expect(isKept()).toBe(false);
    commit();
    expect(isKept()).toBe(true);
  }
});
