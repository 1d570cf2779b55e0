/** The log: what a line looks like, and how often one is written. */
import { describe, expect, test } from "bun:test";
import { asMonoMs } from "../../../src/base/brand.ts";
import { createLog, onceEvery } from "../../../src/telemetry/log.ts";

const captured = (level: "debug" | "warn" | "silent") => {
  const lines: string[] = [];
  return { lines, log: createLog({ writeErr: (text) => void lines.push(text) }, level, { role: "codec", index: 1 }) };
};

describe("log", () => {
  test("writes one JSON line with level, time, role, fields and message", () => {
    const { lines, log } = captured("debug");
    log.warn({ peer: "127.0.0.1", text: 'a"\n' }, "Cannot parse frame");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEndWith("}\n");
    expect(lines[0]!.slice(0, -1)).not.toContain("\n");
    const { time, ...rest } = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(rest).toEqual({ level: "warn", role: "codec", index: 1, peer: "127.0.0.1", text: 'a"\n', message: "Cannot parse frame" });
    expect(new Date(String(time)).toISOString()).toBe(String(time));
  });

  test("writes nothing below its level", () => {
    const { lines, log } = captured("warn");
    log.debug({}, "a");
    log.info({}, "b");
    log.error({}, "c");
    expect(lines).toHaveLength(1);
    const silent = captured("silent");
    silent.log.fatal({}, "d");
    expect(silent.lines).toHaveLength(0);
  });

  test("lets one warning through per interval and counts the rest", () => {
    let now = 0;
    const said: number[] = [];
    const limited = onceEvery(1000, () => asMonoMs(now));
    for (now = 0; now < 2500; now += 100) limited((heldBack) => void said.push(heldBack));
    expect(said).toEqual([0, 9, 9]);
  });
});
