/** The table of identities against maps, with identities that fall into the same place of its index. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { IdTable, packId, unpackId } from "../../src/base/id_table.ts";

/** Few digits: many identities that are equal, or equal but for leading zeros. */
const digits = fc.string({ unit: fc.constantFrom("0", "1", "9"), minLength: 0, maxLength: 18 });
const imei = fc.nat(200).map((n) => String(356_307_042_441_000 + n));
const text = fc.string({ unit: fc.constantFrom("a", "1", "-", "."), maxLength: 4 });
const id = fc.oneof(imei, digits, text);

function agree(table: IdTable, byNo: ReadonlyMap<number, string>, byId: ReadonlyMap<string, number>): void {
  expect(table.size).toBe(byNo.size);
  expect([...table.names()]).toEqual([...byNo].toSorted(([a], [b]) => a - b).map(([, name]) => name));
  for (const [no, name] of byNo) expect([table.has(no), table.name(no), table.find(name)]).toEqual([true, name, no]);
  for (const [name, no] of byId) expect(table.find(name)).toBe(no);
}

test("a table says what two maps say", () => {
  fc.assert(fc.property(fc.array(fc.tuple(id, fc.nat(4)), { maxLength: 300 }), fc.array(id, { maxLength: 20 }), (added, asked) => {
    const table = new IdTable();
    const byNo = new Map<number, string>();
    const byId = new Map<string, number>();
    let next = 1;
    for (const [name, how] of added) {
      if (byId.has(name)) continue;
      // Numbers may have holes, over several blocks.
      const no = how === 0 ? next + 700 : next;
      if (how === 1) expect(table.add(name)).toBe(no);
      else table.set(no, name);
      byNo.set(no, name);
      byId.set(name, no);
      next = no + 1;
      expect(table.end).toBe(next);
    }
    agree(table, byNo, byId);
    for (const name of asked) expect(table.find(name)).toBe(byId.get(name) ?? 0);
    expect([table.has(next), table.name(next), table.has(0), table.name(0)]).toEqual([false, "", false, ""]);
  }));
});

test("identities are found whatever the order in which a crowded index met them", () => {
  // Ten times what the first index holds, from neighbours and from far apart: chains of collisions, kept through every growth.
  for (const step of [1, 64, 4096, 100_000_000, 16_777_216]) {
    const table = new IdTable();
    const ids = Array.from({ length: 5000 }, (_, i) => String(100_000_000_000_000 + i * step));
    for (const name of ids.toReversed()) table.add(name);
    expect(ids.map((name) => table.find(name))).toEqual(ids.map((_, i) => ids.length - i));
    expect(ids.map((name) => table.find(`0${name.slice(1)}`)).filter((no) => no !== 0)).toEqual([]);
  }
});

test("an identity by itself is what it was", () => {
  fc.assert(fc.property(id, (name) => expect(unpackId(packId(name))).toBe(name)));
  expect(typeof packId("356307042441013")).toBe("number");
});

test("a number or an identity is given once", () => {
  const table = new IdTable();
  table.set(3, "356307042441013");
  expect(() => table.set(3, "356307042441014")).toThrow("cannot have number 3");
  expect(() => table.set(4, "356307042441013")).toThrow("cannot have number 4");
  expect(() => table.set(0, "a")).toThrow("cannot have number 0");
});
