/**
 * The disk fails while it is used: full while running, full at the start, a commit that fails.
 * Always: nobody is acknowledged for what was not kept, what is sent again is stored once, the reason is said, and
 * the gateway recovers by itself.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, steadyAddresses, temporaryData } from "../support/gateway.ts";
import { allRecords, ask, metric } from "../support/rest.ts";
import { type SmallDisk, smallDisk } from "../support/tmpfs.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const RESERVE = 512 * KiB;
const DISK = 12 * MiB;
/** Quick to notice and to recover; nothing is trimmed away, for every acknowledged record is asked for in the end. */
const SETTINGS = {
  workers: 1,
  "journal.reserve_bytes": RESERVE,
  "journal.free_disk_bytes": 0,
  "journal.checkpoint_bytes": 256 * KiB,
  "journal.probe_commit_min_ms": 20,
  "journal.probe_commit_max_ms": 100,
  "journal.commit_failing_ms": 300,
};

const disks: SmallDisk[] = [];
function newDisk(): SmallDisk {
  const disk = smallDisk(temporaryData(), DISK);
  disks.push(disk);
  return disk;
}

afterEach(async () => {
  // The disks first: what is mounted in a folder cannot be removed with it.
  for (const disk of disks.splice(0)) disk.remove();
  await endEverything();
});
afterAll(endEverything);

const ready = async (gateway: Gateway): Promise<{ status: number; text: string }> => await ask(gateway.url, "/readyz");
const readyWith = (gateway: Gateway, status: number): Promise<{ text: string }> =>
  until(`/readyz ${status}; log: ${gateway.logText}`, async () => {
    const answer = await ready(gateway);
    return answer.status === status && answer;
  });

/** One device that keeps account: what was acknowledged, and the frames that were not. */
class Account {
  readonly device = new TestDevice(1, "8", 1000);
  readonly imei = imeiOf(1);
  readonly acked: number[] = [];
  readonly unkept: Uint8Array[] = [];
  #tracker: Tracker | null = null;

  /** Sends 20 new records as one frame. Closed unanswered, or not even let in, it is one to send again. */
  async send(port: number): Promise<void> {
    await this.#send(port, this.device.frame(this.device.records(20)).bytes);
  }

  /** Sends again what was not acknowledged. */
  async sendAgain(port: number): Promise<void> {
    for (const frame of this.unkept.splice(0)) await this.#send(port, frame);
  }

  async #send(port: number, frame: Uint8Array): Promise<void> {
    try {
      if (this.#tracker === null || this.#tracker.end !== null) this.#tracker = await Tracker.loggedIn(port, this.imei);
      expect(await this.#tracker.send(frame)).toBe(20);
      this.acked.push(...timesOf(frame));
    } catch {
      // Nothing but the end of the connection may be in place of an answer.
      expect(this.#tracker?.end ?? "fin").not.toBeNull();
      this.unkept.push(frame);
    }
  }
}

/** Record times of a Codec 8 frame, found by its device's rule that each is a second after the one before. */
function timesOf(frame: Uint8Array): number[] {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const first = Number(view.getBigUint64(10));
  return Array.from({ length: frame[9]! }, (_, i) => first + i * 1000);
}

const storedTimes = async (gateway: Gateway, imei: string): Promise<number[]> =>
  (await allRecords(gateway.url, imei)).map((record) => record.time).sort((a, b) => a - b);
const sorted = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);

/** The file of the reserve, by its size. */
const reserveFile = (data: string): string | undefined => readdirSync(data).find((name) => statSync(join(data, name)).size === RESERVE);

describe("a full disk", () => {
  test("acknowledges nobody, says why, and recovers by itself once there is room", async () => {
    const disk = newDisk();
    const gateway = await Gateway.start({ data: disk.data, settings: SETTINGS, environment: disk.environment });
    const account = new Account();
    for (let i = 0; i < 5; i++) await account.send(gateway.tcpPort);
    await until("the reserve file", () => reserveFile(disk.data) !== undefined);
    expect(account.unkept).toEqual([]);

    // The first refusal frees the reserve; commits go on in its room until that is gone too.
    for (let i = 0; i < 400 && account.unkept.length < 3; i++) {
      disk.fill();
      await account.send(gateway.tcpPort);
    }
    expect(account.unkept.length).toBe(3);
    // What the gateway clears away makes room for a commit now and then: it is taken until there is none.
    const full = await until(`/readyz 503; log: ${gateway.logText}`, async () => {
      disk.fill();
      await account.send(gateway.tcpPort);
      const answer = await ready(gateway);
      return answer.status === 503 && answer;
    });
    expect(full.text).toContain("the disk is full");
    await until("its log line", () => /"role":"journal".*full/.test(gateway.logText));
    await until("the reserve counted as released", async () => await metric(gateway.url, "berth_reserve_released_total") > 0);
    expect(await metric(gateway.url, "berth_commit_failures_total")).toBeGreaterThan(0);
    expect(await storedTimes(gateway, account.imei)).toEqual(sorted(account.acked));

    disk.empty();
    await readyWith(gateway, 200);
    await until("the reserve file made again", () => reserveFile(disk.data) !== undefined);
    await account.sendAgain(gateway.tcpPort);
    for (let i = 0; i < 5; i++) await account.send(gateway.tcpPort);
    expect(account.unkept).toEqual([]);
    expect(await storedTimes(gateway, account.imei)).toEqual(sorted(account.acked));
    expect((await gateway.stop()).code).toBe(0);
  }, 60_000);

  test("at the start opens HTTP with 503; TCP and the ready line follow when there is room", async () => {
    const disk = newDisk();
    const account = new Account();
    const first = await Gateway.start({ data: disk.data, settings: SETTINGS, environment: disk.environment });
    for (let i = 0; i < 5; i++) await account.send(first.tcpPort);
    expect(account.unkept).toEqual([]);
    await first.stop();

    // Without its reserve, so that there is nothing to give back.
    rmSync(join(disk.data, reserveFile(disk.data)!));
    disk.fill();
    const addresses = steadyAddresses();
    const url = `http://${addresses.at(-1)}`;
    const second = Gateway.spawn({ data: disk.data, settings: SETTINGS, environment: disk.environment, args: addresses });
    const answer = await until(`/readyz 503; log: ${second.logText}`, async () => {
      const response = await ask(url, "/readyz").catch(() => null);
      return response?.status === 503 && response;
    });
    expect(answer.text).toContain("the disk is full");
    // Where the store is is nobody's business but the log's.
    const told = [answer.text, (await ask(url, "/v1/devices")).text];
    expect(told.filter((text) => text.includes(disk.data) || text.includes("/"))).toEqual([]);
    await until("the path in the log", () => second.logText.includes(disk.data));
    expect(second.out).toEqual([]);
    disk.empty();
    await second.ready();
    await account.send(second.tcpPort);
    expect(account.unkept).toEqual([]);
    expect(await storedTimes(second, account.imei)).toEqual(sorted(account.acked));
    expect((await second.stop()).code).toBe(0);
  }, 60_000);
});

describe("a commit that fails", () => {
  test("closes its connections unanswered, and what is sent again is stored once", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS, faults: "journal.commit:fail@8" });
    const account = new Account();
    for (let i = 0; i < 20 && account.unkept.length === 0; i++) await account.send(gateway.tcpPort);
    expect(account.unkept.length).toBe(1);
    await readyWith(gateway, 200);
    expect(await storedTimes(gateway, account.imei)).toEqual(sorted(account.acked));
    await account.sendAgain(gateway.tcpPort);
    expect(account.unkept).toEqual([]);
    expect(await storedTimes(gateway, account.imei)).toEqual(sorted(account.acked));
    expect(await metric(gateway.url, 'berth_records_total{outcome="duplicate"}')).toBe(0);
    const closed = 'berth_closed_total{reason="commit_failed"}';
    await until("the end of its socket", async () => await metric(gateway.url, closed) > 0);
    expect(await metric(gateway.url, closed)).toBe(1);
    expect((await gateway.stop()).code).toBe(0);
  }, 60_000);

  test("again and again closes new sockets before login, and says so on /readyz", async () => {
    const gateway = await Gateway.start({ settings: SETTINGS, faults: "journal.commit:fail@8+" });
    const account = new Account();
    for (let i = 0; i < 20 && account.unkept.length === 0; i++) await account.send(gateway.tcpPort);
    expect(account.unkept.length).toBe(1);
    expect((await readyWith(gateway, 503)).text).toContain("the disk reports errors");
    await until("a new socket closed before it said a word", async () => {
      const tracker = await Tracker.open(gateway.tcpPort).catch(() => null);
      if (tracker === null) return true;
      const closed = await tracker.ended(200).then(() => tracker.login === null, () => false);
      tracker.reset();
      return closed;
    });
    expect(await storedTimes(gateway, account.imei)).toEqual(sorted(account.acked));
    await until("its log line", () => /commit/i.test(gateway.logText));
    gateway.signal("SIGTERM");
    await gateway.ended();
  }, 60_000);
});
