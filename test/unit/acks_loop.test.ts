/** What is acknowledged, when and in which order; and what is not. Real sockets, a stand-in journal with chosen verdicts. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Limits } from "../../src/base/limits.ts";
import { DrainPhase } from "../../src/wire/board.ts";
import { END_REASONS } from "../../src/wire/control.ts";
import { FrameKind, Verdict } from "../../src/wire/frame_message.ts";
import { CodecWorld } from "../support/codec_world.ts";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeCommand, frameAround } from "../support/frames.ts";
import { Tracker } from "../support/tracker.ts";
import { until } from "../support/until.ts";

let world: CodecWorld;
const start = async (limits: Partial<Limits> = {}): Promise<void> => {
  world = await CodecWorld.start(limits);
};
afterEach(() => world.stop());

const device = new TestDevice(1, "8E");
const frameOf = (count: number): Uint8Array => device.frame(device.records(count)).bytes;
const glued = (frames: readonly Uint8Array[]): Uint8Array => Uint8Array.from(frames.flatMap((frame) => [...frame]));
const lastReason = (): string => END_REASONS[world.events("disconnected").at(-1)!.reason]!;

describe("acknowledgements", () => {
  test("wait for the verdict, and leave in the order of the frames", async () => {
    await start();
    world.journal.verdict = () => null;
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    tracker.write(glued([1, 2, 3, 4].map(frameOf)));
    await until("four frames", () => world.journal.frames.length === 4);
    expect(tracker.acks).toEqual([]);
    world.journal.verdict = (frame) => (frame.n <= 2 ? Verdict.kept : null);
    expect([await tracker.ack(), await tracker.ack()]).toEqual([1, 2]);
    world.journal.verdict = () => Verdict.kept;
    expect([await tracker.ack(), await tracker.ack()]).toEqual([3, 4]);
    expect(tracker.acks).toEqual([1, 2, 3, 4]);
    expect([world.count("berth_frames_total", "8E,kept"), world.observed("berth_ack_seconds")]).toEqual([4, 4]);
  });

  for (const [verdict, reason] of [["failed", "commit_failed"], ["refused", "superseded"], ["quarantined", "quarantined"]] as const) {
    test(`stop at a ${verdict} frame: what was kept before is answered, then the connection is closed (${reason})`, async () => {
      await start();
      const other = await Tracker.loggedIn(world.port, imeiOf(2));
      const tracker = await Tracker.loggedIn(world.port, device.imei);
      world.journal.verdict = () => null;
      tracker.write(glued([1, 2, 3].map(frameOf)));
      await until("three frames", () => world.journal.frames.length === 3);
      world.journal.verdict = (frame) => (frame.n === 2 ? Verdict[verdict] : Verdict.kept);
      await tracker.ended();
      expect(tracker.acks).toEqual([1]);
      await until("a disconnect", () => world.events("disconnected").length === 1);
      expect(lastReason()).toBe(reason);
      expect(await other.send(frameOf(4))).toBe(4);
      expect(world.count("berth_frames_total", `8E,${verdict}`)).toBe(1);
    });
  }

  test("of a command frame do not exist: kept, no answer, the connection stays", async () => {
    await start();
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    tracker.write(glued([encodeCommand("hello"), frameOf(2)]));
    expect(await tracker.ack()).toBe(2);
    expect(tracker.acks).toEqual([2]);
    expect(world.journal.frames.map((frame) => frame.kind)).toEqual([FrameKind.command, FrameKind.frame]);
    expect(world.count("berth_frames_total", "12,unanswered")).toBe(1);
  });

  test("of an undecodable frame come only when the journal keeps it after all, with the count it declares", async () => {
    await start();
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    tracker.write(frameAround([0x07, 5, 1, 2, 3, 5]));
    expect(await tracker.ack()).toBe(5);
    expect(world.journal.frames.map((frame) => frame.kind)).toEqual([FrameKind.undecodable]);
    expect(world.warned("unknown_codec")).toHaveLength(1);
  });

  test("never follow a wrong CRC, which is kept to look at", async () => {
    await start();
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    const frame = frameOf(2);
    frame[20]! ^= 1;
    tracker.write(frame);
    await tracker.ended();
    await until("a disconnect", () => world.events("disconnected").length === 1);
    expect([tracker.acks.length, lastReason()]).toEqual([0, "bad_frame"]);
    expect(world.journal.frames.map((one) => one.kind)).toEqual([FrameKind.badCrc]);
    expect(world.events("disconnected")[0]!.position).toBe(world.journal.frames[0]!.end);
  });
});

describe("bounds", () => {
  test("of frames without a verdict pause a connection, and it goes on by itself", async () => {
    await start({ unackedFramesPerConnection: 4 });
    world.journal.verdict = () => null;
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    const other = await Tracker.loggedIn(world.port, imeiOf(2));
    tracker.write(glued(Array.from({ length: 20 }, () => frameOf(1))));
    other.write(frameOf(1));
    await until("4 + 1 frames", () => world.journal.frames.length === 5);
    world.journal.verdict = () => Verdict.kept;
    await until("20 acknowledgements", () => tracker.acks.length === 20);
    expect(await other.ack()).toBe(1);
  });

  test("of a worker's frames without a verdict pause all, and each goes on by itself", async () => {
    await start({ unackedFramesPerWorker: 64, unackedFramesPerConnection: 256 });
    world.journal.verdict = () => null;
    const trackers: { tracker: Tracker; maker: TestDevice }[] = [];
    for (let i = 0; i < 4; i++) trackers.push({ tracker: await Tracker.loggedIn(world.port, imeiOf(i)), maker: new TestDevice(i, "8") });
    for (const { tracker, maker } of trackers) tracker.write(glued(Array.from({ length: 50 }, () => maker.frame(maker.records(1)).bytes)));
    await until("a full FIFO", () => world.journal.frames.length === 64 && world.count("berth_ring_full_total", "frames") > 0);
    world.journal.verdict = () => Verdict.kept;
    await until("200 acknowledgements", () => trackers.every(({ tracker }) => tracker.acks.length === 50));
  });

  test("of the ring pause reading; every frame comes through a ring of 4 KiB whose position passes 2^32", async () => {
    await start({ frameRingBytes: 4096, controlRingBytes: 8192 });
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    const maker = new TestDevice(3, "8");
    tracker.write(glued(Array.from({ length: 300 }, () => maker.frame(maker.records(1)).bytes)));
    await until("300 acknowledgements", () => tracker.acks.length === 300);
    const wraps = world.journal.frames.filter((frame, i, all) => i > 0 && frame.end < all[i - 1]!.end);
    expect(wraps).toHaveLength(1);
    expect(world.count("berth_ring_full_total", "frames")).toBeGreaterThan(0);
  });

  test("of a message in a ring made small close the connection and leave the thread alone", async () => {
    await start({ frameRingBytes: 4096 });
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    const maker = new TestDevice(4, "8");
    tracker.write(maker.frame(maker.records(25)).bytes);
    await tracker.ended();
    expect(world.count("berth_bad_frames_total", "too_long")).toBe(1);
    expect(await (await Tracker.loggedIn(world.port, device.imei)).send(frameOf(1))).toBe(1);
  });
});

describe("shutdown", () => {
  test("answers what was sent, says goodbye to the registry, then closes every socket", async () => {
    await start();
    world.journal.verdict = () => null;
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    const stranger = await Tracker.open(world.port);
    tracker.write(frameOf(2));
    await until("a frame", () => world.journal.frames.length === 1);
    await world.phase(DrainPhase.stopAccepting);
    world.board.setPhase(DrainPhase.pauseDevices);
    await stranger.ended();
    expect(world.board.phaseDone(world.boot.thread)).toBe(DrainPhase.stopAccepting);
    world.journal.verdict = () => Verdict.kept;
    expect(await tracker.ack()).toBe(2);
    await world.phase(DrainPhase.pauseDevices);
    expect(tracker.end).toBeNull();
    await world.phase(DrainPhase.releaseAll);
    await until("a disconnect", () => world.events("disconnected").length === 1);
    expect(lastReason()).toBe("shutdown");
    expect(world.events("disconnected")[0]!.lastByteAt).toBeGreaterThan(world.events("connected")[0]!.at - 1);
    await world.phase(DrainPhase.commitLast);
    await world.phase(DrainPhase.sayBye);
    await tracker.ended();
    await until("no socket", () => world.sockets === 0);
    expect(world.events("disconnected")).toHaveLength(1);
  });

  test("does not wait longer than it may for a verdict that never comes", async () => {
    await start({ drainMs: 100 });
    world.journal.verdict = () => null;
    const tracker = await Tracker.loggedIn(world.port, device.imei);
    tracker.write(frameOf(2));
    await until("a frame", () => world.journal.frames.length === 1);
    await world.phase(DrainPhase.pauseDevices);
    expect(tracker.acks).toEqual([]);
    await world.phase(DrainPhase.sayBye);
    await tracker.ended();
  });
});
