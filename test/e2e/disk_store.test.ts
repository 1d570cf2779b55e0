/**
 * A store that cannot be used ends the start with 1, the path and what to run; it is left as it was, and never replaced by a new one.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, temporaryData } from "../support/gateway.ts";
import { buildShim, compiler, shimEnvironment } from "../support/preload.ts";
import { mountTmpfs } from "../support/tmpfs.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(endEverything);

const DISK = 12 * 1024 * 1024;
const SETTINGS = { workers: 1, "journal.reserve_bytes": 64 * 1024, "journal.free_disk_bytes": 0 };

describe("a store that cannot be used at the start", () => {
  /** A data directory with one committed frame in it, stopped in order. */
  async function usedStore(data: string): Promise<void> {
    const gateway = await Gateway.start({ data, settings: SETTINGS });
    const device = new TestDevice(1, "8");
    const tracker = await Tracker.loggedIn(gateway.tcpPort, imeiOf(1));
    for (let i = 0; i < 50; i++) expect(await tracker.send(device.frame(device.records(20)).bytes)).toBe(20);
    expect((await gateway.stop()).code).toBe(0);
  }

  /** Starts on `data`; it must end with 1 and say which path, and what to run. */
  async function refused(data: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const gateway = Gateway.spawn({ data, settings: SETTINGS, environment });
    const end = await gateway.ended();
    expect({ ...end, out: gateway.out }).toEqual({ code: 1, signal: null, out: [] });
    expect(gateway.logText).toContain(data);
    return gateway.logText;
  }

  const databaseFile = (data: string): string =>
    join(data, readdirSync(data).find((name) => readFileSync(join(data, name)).subarray(0, 6).toString() === "SQLite")!);

  test("because its first page is not a database's exits 1, names the path, and makes no new one", async () => {
    const data = temporaryData();
    await usedStore(data);
    const path = databaseFile(data);
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 0, 4096);
    writeFileSync(path, bytes);
    expect(await refused(data)).toMatch(/corrupt|not a database/i);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }, 60_000);

  test("because it was cut short exits 1, names the path, and leaves it as it is", async () => {
    const data = temporaryData();
    await usedStore(data);
    const path = databaseFile(data);
    const bytes = readFileSync(path).subarray(0, 3 * 8192 + 100);
    writeFileSync(path, bytes);
    expect(await refused(data)).toMatch(/corrupt|malformed/i);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }, 60_000);

  test("because its disk is read-only exits 1 and names the path", async () => {
    const mounted = process.env["BERTH_TEST_DISK"] === "shim" ? null : mountTmpfs(join(temporaryData(), "disk"), DISK);
    const data = join(mounted?.path ?? temporaryData(), "data");
    await usedStore(data);
    let environment = {};
    if (mounted !== null) mounted.setReadOnly(true);
    else if (compiler() !== null) environment = shimEnvironment(buildShim(temporaryData()), { data, readOnly: true });
    else takeRights(data);
    try {
      expect(await refused(data, environment)).toMatch(/read-?only|cannot be written|permission/i);
    } finally {
      mounted?.remove();
    }
  }, 60_000);
});

/** The last resort, and enough for everybody but root. */
function takeRights(data: string): void {
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o444);
  chmodSync(data, 0o555);
}
