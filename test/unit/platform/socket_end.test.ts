/** How a socket ended, by the error its runtime names. */
import { expect, test } from "bun:test";
import { endOf } from "../../../src/platform/socket_end.ts";

const failure = (code: string): Error => Object.assign(new Error(code), { code });

test("a socket's end without an error is a close, one the kernel gave up is lost, any other a reset", () => {
  expect([endOf(null), endOf(undefined)]).toEqual(["closed", "closed"]);
  expect(["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"].map((code) => endOf(failure(code)))).toEqual([
    "lost",
    "lost",
    "lost",
    "lost",
  ]);
  expect(["ECONNRESET", "EPIPE"].map((code) => endOf(failure(code)))).toEqual(["reset", "reset"]);
  expect(endOf(new Error("no code"))).toBe("reset");
});
