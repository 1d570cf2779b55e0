/** `berth simulate --udp` against a server in memory that answers, stays silent, or answers what was not asked. */
import { describe, expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { simulate, type SimulateOptions, type SimulatePlatform } from "../../../src/cli/simulate.ts";
import { FrameSource, imeiOf } from "../../../src/cli/simulate_source.ts";
import type { Summary } from "../../../src/cli/simulate_tally.ts";
import { SOCKETS } from "../../../src/cli/simulate_udp.ts";
import { decodeDatagram, type DecodedMessages, type DecodedRecords } from "../../../src/codec/codec.ts";
import { encodeCommand } from "../../../src/codec/encode.ts";
import { readPacket, udpAnswer } from "../../../src/codec/teltonika/udp.ts";
import type { Peer, UdpHandler } from "../../../src/platform/port.ts";

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
  tls: null,
  udp: true,
};
type Answer = "whole" | "less" | "none" | "another" | "twice";

class Server {
  /** Records received per IMEI, packet by packet. */
  readonly received = new Map<string, unknown[]>();
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly targets = new Set<string>();
  /** What each device answered to commands, by the socket it came from. */
  readonly obeyed: [number, string, string | null][] = [];
  /** Sent to each socket when its first packet has come. */
  commands: readonly Uint8Array[] = [];
  open = 0;
  readonly #handlers: UdpHandler[] = [];
  readonly #seen = new Set<number>();
  #packets = 0;
  readonly platform: SimulatePlatform;

  /** `lookMs`: how much time passes whenever the clock is looked at, however busy the machine is; 0: as much as has passed. */
  constructor(answerTo: (n: number) => Answer = () => "whole", lookMs = 0) {
    let now = 0;
    this.platform = {
      connectTcp: () => Promise.reject(new Error("Cannot connect: datagrams are asked for")),
      connectTls: () => Promise.reject(new Error("Cannot connect: datagrams are asked for")),
      lookup: (host) => (host === "gateway.test" ? Promise.resolve("10.1.2.3") : Promise.reject(new Error(`Cannot find ${host}`))),
      openUdp: (_host, _port, handler) => {
        const socket = this.#handlers.push(handler) - 1;
        this.open++;
        const send = (bytes: Uint8Array, to: { address: string; port: number }): void => {
          this.targets.add(`${to.address}:${to.port}`);
          this.#take(socket, bytes, () => answerTo(this.#packets++));
        };
        return Promise.resolve({ port: 4000 + socket, send, close: () => void this.open-- });
      },
      clock: { mono: () => asMonoMs(lookMs === 0 ? performance.now() : now += lookMs), wall: () => asWallMs(Date.now()) },
      onSignal: () => undefined,
      writeOut: (text) => void this.out.push(text),
      writeErr: (text) => void this.err.push(text),
      errIsTerminal: false,
    };
  }

  get summary(): Summary {
    return JSON.parse(this.out.join("")) as Summary;
  }

  #take(socket: number, bytes: Uint8Array, answerTo: () => Answer): void {
    const packet = readPacket(bytes, 0);
    if ("fault" in packet) throw new Error(packet.error);
    const [decoded] = decodeDatagram(bytes, 32_768) as (DecodedRecords | DecodedMessages)[];
    if ("messages" in decoded!) {
      this.obeyed.push([socket, packet.imei, decoded.messages[0]!.text]);
      return;
    }
    const from: Peer = { address: "10.1.2.3", port: 5027 };
    if (!this.#seen.has(socket)) { for (const command of this.commands) queueMicrotask(() => this.#handlers[socket]!(command, from)); }
    this.#seen.add(socket);
    const answer = answerTo();
    const { imei, records } = decoded!;
    this.received.set(imei!, [...(this.received.get(imei!) ?? []), records]);
    const say = (avlPacketId: number, count: number): void =>
      queueMicrotask(() => this.#handlers[socket]!(udpAnswer({ ...packet, avlPacketId }, count), from));
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
    expect([[...server.targets], server.open]).toEqual([["10.1.2.3:5027"], 0]);
  });

  test("sends again what is not answered, answered in part, or answered for another packet", async () => {
    const answers: readonly Answer[] = ["none", "less", "another"];
    const server = new Server((n) => answers[n] ?? "whole", 250);
    expect(await simulate({ ...OPTIONS, frames: 6 }, server.platform)).toBe(0);
    expect(server.summary).toMatchObject({ sent: 6, acked: 6, resent: 3, timeouts: 3, mismatches: 1 });
  });

  test("an answer that comes twice counts once", async () => {
    const server = new Server(() => "twice");
    expect(await simulate({ ...OPTIONS, frames: 30 }, server.platform)).toBe(0);
    expect(server.summary).toMatchObject({ sent: 30, acked: 30, mismatches: 0 });
  });

  test("answers commands at the socket they come to, each device by itself", async () => {
    const server = new Server();
    server.commands = [encodeCommand(12, "setparam 5:7", ""), encodeCommand(12, "getparam 5", ""), new Uint8Array(12)];
    expect(await simulate({ ...OPTIONS, frames: 6 }, server.platform)).toBe(0);
    expect(server.summary).toMatchObject({ commands: 6, sent: 6 });
    for (let index = 0; index < 3; index++) {
      const mine = server.obeyed.filter(([socket]) => socket === index).map(([, imei, text]) => [imei, text]);
      const imei = imeiOf(OPTIONS.imei, index);
      expect(mine).toEqual([[imei, "New value 5:7"], [imei, "Param ID:5 Val:7"]]);
    }
  });

  test("obeys what names it when sockets are shared", async () => {
    const server = new Server();
    const devices = SOCKETS + 1;
    const last = imeiOf(OPTIONS.imei, SOCKETS);
    server.commands = [encodeCommand(12, "getparam 1", last), encodeCommand(14, "getparam 2", last)];
    expect(await simulate({ ...OPTIONS, devices, frames: devices }, server.platform)).toBe(0);
    expect(server.obeyed[0]).toEqual([0, last, "Param ID:2 Val:0"]);
    expect(server.obeyed.every(([, imei, text]) => imei === last && text === "Param ID:2 Val:0")).toBe(true);
  });

  test("gives up on a server that answers nobody, and on a host that is not there", async () => {
    const silent = new Server(() => "none", 250);
    expect(await simulate(OPTIONS, silent.platform)).toBe(1);
    expect(silent.err.join("")).toContain("let no tracker in");
    const nowhere = new Server();
    expect(await simulate({ ...OPTIONS, host: "nowhere.test" }, nowhere.platform)).toBe(1);
    expect(nowhere.err.join("")).toBe("berth: Cannot simulate: Cannot find nowhere.test\n");
  });
});
