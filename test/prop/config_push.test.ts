/** The book of configurations under any order of puts, reports, commits and restarts: versions rise, and no device goes back. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { asDeviceId, type DeviceId } from "../../src/base/brand.ts";
import { ConfigBook, type ConfigChange } from "../../src/config_push/book.ts";
import { isParameters } from "../../src/config_push/parameters.ts";

const LIMITS = { configVersions: 4, configChanges: 5, configPendingBytes: 64 };
const NAMES = ["a", "b"].map(asDeviceId);
const WAITER = { ring: 0, request: 1 };

const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), device: fc.constantFrom(...NAMES), long: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      device: fc.constantFrom(...NAMES),
      version: fc.integer({ min: 0, max: 12 }),
      isApplied: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: "commit" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "crash" as const }) },
);
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never;

/** What the disk has, as the store folds it. */
class Disk {
  readonly rows = new Map<DeviceId, ConfigChange[]>();

  take(change: ConfigChange): void {
    this.rows.set(change.device, [...(this.rows.get(change.device) ?? []), change]);
  }

  newest(device: DeviceId, state: string): number {
    return Math.max(0, ...(this.rows.get(device) ?? []).filter((row) => row.state === state).map(({ version }) => version));
  }

  /** A version that failed first and was applied then has not failed. */
  failed(device: DeviceId): number {
    const states = new Map((this.rows.get(device) ?? []).map(({ version, state }) => [version, state]));
    return Math.max(0, ...[...states].filter(([, state]) => state === "failed").map(([version]) => version));
  }

  book(): ConfigBook {
    const book = new ConfigBook(LIMITS, isParameters);
    for (const [device, rows] of this.rows) {
      const version = this.newest(device, "pending");
      const value = rows.find((row) => row.state === "pending" && row.version === version)!.value;
      const noneOr = (number: number): number | null => number === 0 ? null : number;
      book.restore({ device, version, value, applied: noneOr(this.newest(device, "applied")), failed: noneOr(this.failed(device)) });
    }
    return book;
  }
}

test("a book of configurations keeps its promises whatever comes", () => {
  fc.assert(fc.property(fc.array(act, { maxLength: 60 }), (acts: Act[]) => {
    const disk = new Disk();
    let book = disk.book();
    for (const one of acts) {
      if (one.do === "put") {
        const before = book.changes.length;
        const version = book.put(one.device, JSON.stringify({ 1: one.long ? "x".repeat(40) : "y" }), WAITER, 1);
        expect(book.changes.length).toBe(before + (version === null ? 0 : 1));
      } else if (one.do === "report") {
        book.report({ device: one.device, version: one.version, isApplied: one.isApplied, fence: 0, reason: "" }, WAITER, 1);
      } else if (one.do === "commit") {
        for (let change = book.changes.shift(); change !== undefined; change = book.changes.shift()) {
          disk.take(change);
          book.kept();
        }
      } else book = disk.book();
      expect(book.changes.length).toBeLessThanOrEqual(LIMITS.configChanges);
    }
    for (const rows of disk.rows.values()) {
      const made = rows.filter(({ state }) => state === "pending").map(({ version }) => version);
      expect(made).toEqual(made.map((_, i) => i + 1));
      const applied = rows.filter(({ state }) => state === "applied").map(({ version }) => version);
      expect(applied).toEqual([...new Set(applied)].toSorted((a, b) => a - b));
      let highest = 0;
      for (const { state, version } of rows) {
        if (state === "failed") expect(version).toBeGreaterThan(highest);
        else if (state === "applied") highest = version;
      }
    }
  }));
});

test("a book of configurations lets go of a value once its device has spoken", () => {
  const device = NAMES[0]!;
  const book = new ConfigBook(LIMITS, isParameters);
  const value = JSON.stringify({ 1: "x".repeat(40) });
  for (let version = 1; version <= 3; version++) {
    expect(book.put(device, value, WAITER, 1)).toBe(version);
    expect(book.put(NAMES[1]!, value, WAITER, 1)).toBeNull();
    expect(book.carried(device)).toEqual({ version, value });
    expect(book.report({ device, version, isApplied: version !== 2, fence: 0, reason: "" }, null, 1)).toBe("accepted");
    expect(book.carried(device)).toBeNull();
    while (book.changes.shift() !== undefined) book.kept();
  }
});
