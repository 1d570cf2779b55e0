/** Rows of commands: made, changed, ended for ever, found, and let go. */
import { afterEach, describe, expect, test } from "bun:test";
import { CommandReader, type CommandRow, CommandTable } from "../../../src/store/commands.ts";
import { MIGRATIONS } from "../../../src/store/migrations.ts";
import { COMMAND } from "../../support/command_row.ts";
import { here } from "../../support/here.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

function tables(commandsKept = 100) {
  const db = here.openDatabase(":memory:", { readOnly: false });
  open.push(db);
  for (const migration of MIGRATIONS) db.exec(migration);
  db.exec("INSERT INTO device (no, id) VALUES (1, 'one'), (2, 'two')");
  const table = new CommandTable(db, { commandsKept });
  let seq = 0;
  const put = (id: string, more: Partial<CommandRow> = {}, device = 1): void =>
    table.write({ ...COMMAND, id, isNew: false, ...more }, ++seq, device);
  return { table, reader: new CommandReader(db), put };
}

describe("commands in the store", () => {
  test("are made once, changed, and found by id with the name of their device", () => {
    const { reader, put } = tables();
    put("a", { isNew: true, key: "k" });
    expect(reader.byId("a")).toEqual({ ...COMMAND, id: "a", key: "k", device: "one", seq: 1 });
    put("a", { state: "written", fence: 7, writtenAt: 5 });
    put("a", { state: "answered", fence: 7, writtenAt: 5, endedAt: 6, response: "ok" });
    expect(reader.byId("a")).toMatchObject({ state: "answered", fence: 7, writtenAt: 5, endedAt: 6, response: "ok", reason: null, seq: 3 });
    expect(reader.byId("b")).toBeNull();
  });

  test("of one device come newest first, in pages", () => {
    const { reader, put } = tables();
    for (let i = 0; i < 6; i++) put(`c${i}`, { isNew: true }, 1 + (i % 2));
    const ids = (device: string, before: string, limit: number) => reader.ofDevice(device, before, limit).map(({ id }) => id);
    expect([ids("one", "", 2), ids("one", "c2", 2), ids("two", "", 9), ids("three", "", 9)]).toEqual([["c4", "c2"], ["c0"], [
      "c5",
      "c3",
      "c1",
    ], []]);
    // One that is gone has nothing before it.
    expect(ids("one", "zz", 9)).toEqual([]);
  });

  test("that have ended do not change any more", () => {
    const { reader, put } = tables();
    put("a", { isNew: true });
    put("a", { state: "unknown", endedAt: 6, reason: "restart" });
    put("a", { state: "answered", endedAt: 7, response: "ok" });
    expect(reader.byId("a")).toMatchObject({ state: "unknown", endedAt: 6, reason: "restart", response: null });
  });

  test("that ended without an answer a moment ago are found", () => {
    const { table, put } = tables();
    for (const id of ["a", "b", "c", "d"]) put(id, { isNew: true });
    put("a", { state: "unknown", endedAt: 5, reason: "timeout" });
    put("b", { state: "unknown", endedAt: 6, reason: "restart" });
    put("c", { state: "answered", endedAt: 7, response: "ok" });
    expect([5, 6, 7].map((at) => table.lostSince(at, 9).map(({ id }) => id))).toEqual([["b", "a"], ["b"], []]);
    expect(table.lostSince(5, 1).map(({ id }) => id)).toEqual(["b"]);
    expect(table.live().map(({ id }) => id)).toEqual(["d"]);
  });

  test("are found by the key of their device", () => {
    const { reader, put } = tables();
    put("a", { isNew: true, key: "k" });
    put("b", { isNew: true, key: "k" }, 2);
    expect([reader.byKey("one", "k")?.id, reader.byKey("two", "k")?.id, reader.byKey("one", "l"), reader.byKey("three", "k")]).toEqual([
      "a",
      "b",
      null,
      null,
    ]);
  });

  test("with a key that is taken are kept without it: no commit fails for it", () => {
    const { reader, put } = tables();
    put("a", { isNew: true, key: "k" });
    put("b", { isNew: true, key: "k" });
    expect([reader.byKey("one", "k")?.id, reader.byId("b")?.key]).toEqual(["a", ""]);
  });

  test("are let go when there are too many, the oldest that have ended", () => {
    const { table, reader, put } = tables(3);
    for (const id of ["a", "b", "c", "d"]) put(id, { isNew: true });
    for (const id of ["a", "c"]) put(id, { state: "expired", endedAt: 6 });
    put("e", { isNew: true });
    expect(["a", "b", "c", "d", "e"].map((id) => reader.byId(id)?.state)).toEqual([undefined, "queued", "expired", "queued", "queued"]);
    expect(table.live().map(({ id }) => id)).toEqual(["b", "d", "e"]);
  });
});
