/** Policies as text. */
import { expect, test } from "bun:test";
import { formatPolicy, parsePolicy, policiesAllowed } from "../../../src/wire/policy.ts";

test("a policy is read as it is written", () => {
  for (const text of ["takeover", "reject", "initiator", "recent", "multi(1)", "multi(16)"]) {
    expect(formatPolicy(parsePolicy(text, 16)!)).toBe(text);
  }
  expect(parsePolicy("multi(3)", 16)).toEqual({ name: "multi", connections: 3 });
  expect(parsePolicy("recent", 16)).toEqual({ name: "recent", connections: 1 });
});

test("anything else is none", () => {
  for (const text of ["", "multi", "multi()", "multi(0)", "multi(17)", "multi(1e1)", "multi(-1)", "Takeover", "takeover ", "first"]) {
    expect(parsePolicy(text, 16)).toBeNull();
  }
  expect(policiesAllowed(16)).toBe("takeover, reject, initiator, recent, multi(1) to multi(16)");
});
