/** Takeovers and conflicts as people read them on a terminal. */
import { describe, expect, test } from "bun:test";
import { conflictText } from "../../../src/cli/conflicts.ts";
import { durationText, historyText, originText, type Takeover } from "../../../src/cli/history_view.ts";

const AT = Date.UTC(2026, 10, 21, 7, 0, 0);
const origin = (address: string, port: number) => ({ address, port, clientInstance: null });

const takeover = (at: number, oldFence: number, more: Partial<Takeover["evidence"]> = {}): Takeover => ({
  at,
  policy: "takeover",
  reason: "superseded",
  old: { fence: oldFence, origin: origin("10.0.0.1", 4001), since: at - 7_500_000, lastByteAt: at - 61_000, records: 12 },
  new: { fence: oldFence + 1024, origin: origin("10.0.0.2", 4002) },
  evidence: { oldInFlight: 2, answered: true, bytesAfter: false, verdict: "clone", ...more },
});

describe("history view", () => {
  test("puts old and new side by side, with cause, silence, frames in flight and durations", () => {
    expect(historyText([takeover(AT, 1024)], { connected: true, fence: 2048 }, AT + 90_000)).toBe(
      [
        "2026-11-21T07:00:00.000Z  a newer connection took over, policy takeover",
        "              OLD                             NEW",
        "  from        10.0.0.1:4001                   10.0.0.2:4002",
        "  fence       1024                            2048",
        "  since       2026-11-21T04:55:00.000Z        2026-11-21T07:00:00.000Z",
        "  held it     2 h 5 min                       1 min 30 s, until now",
        "  last byte   1 min 1 s before",
        "  in flight   2 frames",
        "  records     12",
        "  heard after yes, its stack answered",
        "  verdict     clone: two live devices use this identity",
        "",
      ].join("\n"),
    );
  });

  test("says how long each new one held it: until the next takeover, or until it left", () => {
    const text = historyText([takeover(AT + 5000, 2048), takeover(AT, 1024)], { connected: false, fence: 3072 }, AT + 90_000);
    const held = text.split("\n").filter((line) => line.includes("held it")).map((line) => line.slice(46));
    expect(held).toEqual(["until it left by itself", "5.0 s"]);
  });

  test("says what was heard of the loser", () => {
    const heard = (more: Partial<Takeover["evidence"]>): string =>
      historyText([takeover(AT, 1024, more)], null, AT).split("\n").find((line) => line.includes("heard after"))!.slice(14);
    expect(heard({ answered: null, bytesAfter: null })).toBe("not known");
    expect(heard({ answered: false })).toBe("no, it was dead");
    expect(heard({ bytesAfter: true })).toBe("yes, it still sent bytes");
  });

  test("says what the loser's kernel had said, where that is known", () => {
    const shown = (oldKernel: Takeover["evidence"]["oldKernel"]): string[] =>
      historyText([takeover(AT, 1024, { oldKernel })], null, AT).split("\n").filter((line) => line.includes("last ack"));
    expect(shown(null)).toEqual([]);
    expect(shown({ lastAckAt: AT - 3000, rttMs: 81.25, retransmits: 0 })).toEqual(["  last ack    3.0 s before, round trip 81.3 ms"]);
    expect(shown({ lastAckAt: AT - 3000, rttMs: 1, retransmits: 4 })).toEqual([
      "  last ack    3.0 s before, round trip 1.0 ms, 4 retransmissions",
    ]);
  });

  test("of nothing says so, and shows a verdict and a reason it does not know as they are", () => {
    expect(historyText([], null, AT)).toBe("No takeover is known.\n");
    const odd = historyText([{ ...takeover(AT, 1024, { verdict: "twins" }), reason: "moved" }], null, AT);
    expect([odd.includes("  moved, policy takeover\n"), odd.includes("verdict     twins\n")]).toEqual([true, true]);
  });

  test("durations have two units at most", () => {
    expect([0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000 * 3 + 3_600_000 * 4 + 5].map(durationText)).toEqual([
      "0 ms",
      "999 ms",
      "1.0 s",
      "59.9 s",
      "1 min 0 s",
      "59 min 59 s",
      "1 h 0 min",
      "3 d 4 h",
    ]);
  });

  test("an origin names its instance, and moves no cursor", () => {
    expect(originText({ address: "10.0.0.1", port: 1, clientInstance: "a\u001b[2Jb" })).toBe("10.0.0.1:1 (a?[2Jb)");
  });
});

test("a conflict names both origins, the evidence, and how to acknowledge it", () => {
  const one = {
    id: "abc.7",
    device: "356307042441013",
    at: AT,
    verdict: "clone",
    action: "observe",
    alternations: 2,
    takeovers: 4,
    windowMs: 120_000,
    origins: [{ ...origin("10.0.0.1", 1), fence: 1024, since: AT }, { ...origin("10.0.0.2", 2), fence: 2048, since: AT }],
    acknowledgedAt: null,
  };
  expect(conflictText(one)).toBe(
    [
      "2026-11-21T07:00:00.000Z  356307042441013  clone",
      "  between       10.0.0.1:1, fence 1024  and  10.0.0.2:2, fence 2048",
      "  evidence      4 takeovers of a live holder, 2 times back, within 2 min 0 s",
      "  action        observe",
      "  acknowledged  no: berth conflicts --acknowledge abc.7",
      "",
    ].join("\n"),
  );
  const movement = { km: 2658, seconds: 60, kmh: 159_480 };
  const told = conflictText({
    ...one,
    evidence: { rule: "movement", differ: ["client_instance", "codec"], movement },
    origins: one.origins.map((each) => ({ ...each, codec: "8E/1f2e3d4c", tls: "TLSv1.3 X aa" })),
  });
  expect(told).toContain("10.0.0.2:2, fence 2048, codec 8E/1f2e3d4c, tls TLSv1.3 X aa\n");
  expect(told).toContain("  differ in     client instance, codec\n  one vehicle   would have moved 2658 km in 60 s, 159480 km/h\n");
  const nowhere = conflictText({ ...one, evidence: { rule: "movement", differ: [], movement: { ...movement, seconds: 0, kmh: null } } });
  expect(nowhere).toContain("  one vehicle   would have moved 2658 km in 0 s\n  action");
  expect(conflictText({ ...one, acknowledgedAt: AT })).toContain("acknowledged  2026-11-21T07:00:00.000Z\n");
});
