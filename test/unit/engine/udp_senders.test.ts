/** What the udp thread knows of who sends: how often, and in which slot. */
import { expect, test } from "bun:test";
import { UdpRate } from "../../../src/engine/udp/rate.ts";
import { SenderTable } from "../../../src/engine/udp/sender.ts";

test("a rate counts each address by itself, second by second", () => {
  const rate = new UdpRate(2);
  expect([1, 2, 3].map(() => rate.admits("a", 1500))).toEqual([true, true, false]);
  expect([rate.admits("b", 1999), rate.admits("a", 1999), rate.admits("a", 2000)]).toEqual([true, false, true]);
  expect([rate.isFull("a", 2000), rate.admits("a", 2000), rate.isFull("a", 2999), rate.isFull("a", 3000)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test("a table gives a slot again last, under another id, and nothing beyond its bound", () => {
  const at = (address: string) => ({ address, port: 1 });
  const table = new SenderTable(2);
  const a = table.add("1", at("x"), 0, 0)!;
  table.add("1", at("y"), 0, 0);
  expect([table.add("2", at("x"), 0, 0), table.count, table.find("1", "x")]).toEqual([null, 2, a]);
  table.remove(a);
  expect([table.get(a.id), table.find("1", "x"), table.count]).toEqual([null, null, 1]);
  const again = table.add("1", at("x"), 0, 0)!;
  expect([again.slot, again.id === a.id]).toEqual([a.slot, false]);
  expect(() => table.remove(a)).toThrow("was removed before");
});
