/** `berth simulate --udp` against a server in memory that answers, stays silent, or answers what was not asked. */
import { describe, expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { simulate, type SimulateOptions, type SimulatePlatform } from "../../../src/cli/simulate.ts";
import { FrameSource, imeiOf } from "../../../src/cli/simulate_source.ts";
import type { Summary } from "../../../src/cli/simulate_tally.ts";
import { decodeDatagram, type DecodedRecords } from "../../../src/codec/codec.ts";
import { readPacket, udpAnswer } from "../../../src/codec/teltonika/udp.ts";
import type { UdpHandler } from "../../../src/platform/port.ts";

const OPTIONS: SimulateOptions = {
  host: "gateway.test",
  port: 5027,
  devices: 3,
  rate: 0,
  records: 2,
  codec: "mix",
  seconds: null,
  frames: 300,
  seed: 5,
  imei: "356307042440000",
  start: 1_700_000_000_000,
  newestFirst: false,
  udp: true,
};
type Answer = "whole" | "less" | "none" | "another" | "twice";

class Server {
  /** Records received per IMEI, packet by packet. */
  readonly received = new Map<string, unknown[]>();
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly targets = new Set<string>();
  isClosed = false;
  #handler: UdpHandler = () => {};
  #packets = 0;
  readonly platform: SimulatePlatform;

  /** `speed`: how much faster than ours its clock runs. */
  constructor(answerTo: (n: number) => Answer = () => "whole", speed = 1) {
    this.platform = {
      connectTcp: () => Promise.reject(new Error("Cannot connect: datagrams are asked for")),
      lookup: (host) => (host === "gateway.test" ? Promise.resolve("10.1.2.3") : Promise.reject(new Error(`Cannot find ${host}`))),
      openUdp: (_host, _port, handler) => {
        this.#handler = handler;
        const send = (bytes: Uint8Array, to: { address: string; port: number }): void => {
          this.targets.add(`${to.address}:${to.port}`);
          this.#take(bytes, answerTo(this.#packets++));
        };
        return Promise.resolve({ port: 4000, send, close: () => void (this.isClosed = true) });
      },
      clock: { mono: () => asMonoMs(performance.now() * speed), wall: () => asWallMs(Date.now()) },
      onSignal: () => undefined,
      writeOut: (text) => void this.out.push(text),
      writeErr: (text) => void this.err.push(text),
      errIsTerminal: false,
    };
  }

  get summary(): Summary {
    return JSON.parse(this.out.join("")) as Summary;
  }

  #take(bytes: Uint8Array, answer: Answer): void {
    const packet = readPacket(bytes, 0);
    if ("fault" in packet) throw new Error(packet.error);
    const [decoded] = decodeDatagram(bytes, 32_768) as DecodedRecords[];
    const { imei, records } = decoded!;
    this.received.set(imei!, [...(this.received.get(imei!) ?? []), records]);
    const say = (avlPacketId: number, count: number): void =>
      queueMicrotask(() => this.#handler(udpAnswer({ ...packet, avlPacketId }, count), { address: "10.1.2.3", port: 5027 }));
    if (answer === "another") say((packet.avlPacketId + 1) & 0xff, records.length);
    if (answer === "less") say(packet.avlPacketId, records.length - 1);
    if (answer === "whole" || answer === "twice") say(packet.avlPacketId, records.length);
    if (answer === "twice") say(packet.avlPacketId, records.length);
  }
}

const sentBy = (index: number, frames: number): unknown[] => {
  const source = new FrameSource({ ...OPTIONS, stepMs: 1 }, index);
  return Array.from({ length: frames }, () => source.next().records);
};

describe("simulate --udp", () => {
  test("sends what its seed says, and is acknowledged", async () => {
    const server = new Server();
    expect(await simulate(OPTIONS, server.platform)).toBe(0);
    for (let index = 0; index < 3; index++) expect(server.received.get(imeiOf(OPTIONS.imei, index))).toEqual(sentBy(index, 100));
    expect(server.summary).toMatchObject({ sent: 300, acked: 300, records: 600, resent: 0, timeouts: 0, mismatches: 0 });
    expect([[...server.targets], server.isClosed]).toEqual([["10.1.2.3:5027"], true]);
  });

  test("sends again what is not answered, answered in part, or answered for another packet", async () => {
    const answers: readonly Answer[] = ["none", "less", "another"];
    const server = new Server((n) => answers[n] ?? "whole", 200);
    expect(await simulate({ ...OPTIONS, frames: 6 }, server.platform)).toBe(0);
    expect(server.summary).toMatchObject({ sent: 6, acked: 6, resent: 3, timeouts: 3, mismatches: 1 });
  });

  test("an answer that comes twice counts once", async () => {
    const server = new Server(() => "twice");
    expect(await simulate({ ...OPTIONS, frames: 30 }, server.platform)).toBe(0);
    expect(server.summary).toMatchObject({ sent: 30, acked: 30, mismatches: 0 });
  });

  test("gives up on a server that answers nobody, and on a host that is not there", async () => {
    const silent = new Server(() => "none", 200);
    expect(await simulate(OPTIONS, silent.platform)).toBe(1);
    expect(silent.err.join("")).toContain("let no tracker in");
    const nowhere = new Server();
    expect(await simulate({ ...OPTIONS, host: "nowhere.test" }, nowhere.platform)).toBe(1);
    expect(nowhere.err.join("")).toBe("Cannot simulate: Cannot find nowhere.test\n");
  });
});
