/** What the page does about records that were left out as it did not keep up. */
import { expect, test } from "bun:test";
import { PUT_RIGHT_MS, Thinned } from "../../../src/http/dashboard/page/thinned.ts";

test("what lacks records is read once in a while as long as some are left out, and said once", () => {
  const did: string[] = [];
  let due: (() => void) | null = null;
  const thinned = new Thinned({
    later: (ms, run) => {
      expect([ms, due]).toEqual([PUT_RIGHT_MS, null]);
      due = run;
    },
    putRight: () => did.push("put right"),
    say: (events) => did.push(`said ${events}`),
  });
  const pass = (): void => {
    const run = due!;
    due = null;
    run();
  };
  thinned.leftOut(3);
  thinned.leftOut(4);
  expect(did).toEqual([]);
  pass();
  expect(did).toEqual(["said 7", "put right"]);
  thinned.leftOut(1);
  pass();
  expect(did.slice(2)).toEqual(["put right"]);
  // Nothing more came: the while is over.
  pass();
  expect([did.length, due]).toEqual([3, null]);
  thinned.leftOut(2);
  pass();
  expect(did.slice(3)).toEqual(["said 2", "put right"]);
});
