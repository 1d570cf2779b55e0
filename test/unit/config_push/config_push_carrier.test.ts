/** How a tracker's configuration gets there: every way in which a command may end, at every step. */
import { describe, expect, test } from "bun:test";
import { asDeviceId } from "../../../src/base/brand.ts";
import { Carrier, type Ended } from "../../../src/config_push/carrier.ts";

const DEVICE = asDeviceId("356307042441013");
const LIMITS = { configParameters: 2, commandTextBytes: 1000 };
const answered = (response: string): Ended => ({ state: "answered", response, reason: null });
const ended = (state: Ended["state"], reason: string | null = null): Ended => ({ state, response: null, reason });

function begun(): Carrier {
  const carrier = new Carrier(LIMITS);
  expect(carrier.begin(DEVICE, 3, '{"1":"a","2":"b"}')).toEqual({ kind: "send", text: "setparam 1:a;2:b" });
  return carrier;
}

describe("carrying a configuration", () => {
  test("is setting, then reading each parameter back, then done", () => {
    const carrier = begun();
    expect(carrier.ended(DEVICE, answered("whatever"), 3)).toEqual({ kind: "send", text: "getparam 1" });
    expect(carrier.ended(DEVICE, answered("Param ID:1 Val:a"), 3)).toEqual({ kind: "send", text: "getparam 2" });
    expect(carrier.ended(DEVICE, answered("Param ID:2 Val:b"), 3)).toEqual({ kind: "done", version: 3, isApplied: true, reason: "" });
    expect(carrier.has(DEVICE)).toBe(false);
  });

  test("has failed by what is not answered, refused, or read back as something else", () => {
    const failed = (reason: string) => ({ kind: "done", version: 3, isApplied: false, reason }) as const;
    expect(begun().ended(DEVICE, ended("unknown", "timeout"), 3)).toEqual(failed("setparam was not answered"));
    expect(begun().ended(DEVICE, ended("nacked"), 3)).toEqual(failed("setparam was refused"));
    const carrier = begun();
    carrier.ended(DEVICE, answered(""), 3);
    expect(carrier.ended(DEVICE, answered("Param ID:1 Val:c"), 3)).toEqual(failed('parameter 1 is "c", not "a"'));
    expect(carrier.has(DEVICE)).toBe(false);
    expect(new Carrier(LIMITS).begin(DEVICE, 3, '{"1":1,"2":2,"3":3}')).toEqual(failed("3 parameters exceed 2"));
  });

  test("breaks off when the connection goes, and says no end of it", () => {
    for (const end of [ended("unknown", "superseded"), ended("expired", "ttl"), ended("failed", "attempts")]) {
      const carrier = begun();
      expect(carrier.ended(DEVICE, end, 3)).toEqual({ kind: "broken" });
      expect(carrier.has(DEVICE)).toBe(false);
    }
  });

  test("leaves a version for a newer one, however its command ended", () => {
    for (const end of [answered(""), ended("unknown", "timeout"), ended("nacked"), ended("expired")]) {
      expect(begun().ended(DEVICE, end, 4)).toEqual({ kind: "again" });
    }
  });

  test("knows nothing of a command when none is under way", () => {
    const carrier = begun();
    carrier.drop(DEVICE);
    expect(carrier.ended(DEVICE, answered(""), 3)).toBeNull();
  });
});
