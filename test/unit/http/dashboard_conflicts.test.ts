/** The words of the dashboard's conflict banner. */
import { expect, test } from "bun:test";
import { conflictsIn, conflictWords } from "../../../src/http/dashboard/page/conflicts.ts";

const one = {
  id: "e.7",
  device: "1",
  takeovers: 4,
  windowMs: 120_000,
  origins: [{ address: "10.0.0.1", port: 1, clientInstance: null }, { address: "fe80::2", port: 2, clientInstance: "van" }],
};

test("a conflict names both origins, how often, and what is done about it", () => {
  expect(conflictWords({ ...one, action: "observe" })).toBe(
    "is used by two live devices, 10.0.0.1:1 and van at [fe80::2]:2: 4 takeovers within 120 s.",
  );
  expect(conflictWords({ ...one, action: "hold" })).toEndWith(" The present one keeps it.");
  expect(conflictWords({ ...one, action: "quarantine" })).toEndWith(" What they send is marked.");
});

test("a conflict names what both send, and what one vehicle would have had to do", () => {
  const origins = [{ ...one.origins[0]!, codec: "8E/1f2e3d4c" }, { ...one.origins[1]!, codec: null }];
  const evidence = { rule: "movement", differ: ["address", "tls", "codec", "movement"], movement: { km: 2658, seconds: 60, kmh: 159_480 } };
  expect(conflictWords({ ...one, origins, evidence, action: "hold" })).toBe(
    "is used by two live devices, 10.0.0.1:1 (codec 8E/1f2e3d4c) and van at [fe80::2]:2: 4 takeovers within 120 s." +
      " They differ in TLS and codec. One would have moved 2658 km in 60 s. The present one keeps it.",
  );
  expect(conflictWords({ ...one, evidence: { movement: null }, action: "observe" })).toEndWith("within 120 s.");
});

test("an answer that leaves things out is shown as far as it goes", () => {
  expect(conflictWords({ id: "e.7", device: "1" })).toBe("is used by two live devices.");
  expect([conflictsIn(null), conflictsIn({}), conflictsIn({ conflicts: [one] })]).toEqual([[], [], [one]]);
});
