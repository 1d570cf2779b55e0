/** A gateway that takes datagrams, with trackers of both kinds and one who listens to its events. */
import { expect } from "bun:test";
import { TestDevice } from "./fleet.ts";
import { Gateway, type GatewayOptions, type SettingsText } from "./gateway.ts";
import { SseConsumer } from "./sse.ts";
import { Tracker } from "./tracker.ts";
import { packetOf, UdpTracker } from "./udp_tracker.ts";

export const packets = (outcome: string): string => `berth_udp_packets_total{outcome="${outcome}"}`;
export const timesOf = (records: readonly { readonly time: number }[]): number[] => records.map(({ time }) => time).sort((a, b) => a - b);

const ARGS = ["--udp", "127.0.0.1:0"];

export class UdpWorld {
  gateway!: Gateway;
  #open: { close(): void }[] = [];

  async start(settings: SettingsText = {}, options: GatewayOptions = {}): Promise<void> {
    this.gateway = await Gateway.start({ args: ARGS, ...options, settings: { workers: 1, ...settings } });
  }

  get udpPort(): number {
    return Number(this.gateway.readyLine.udp!.split(":")[1]);
  }

  /** `from`: the address it sends from. */
  async udp(from?: string): Promise<UdpTracker> {
    return this.#keep(await UdpTracker.open(this.udpPort, from));
  }
  async tcp(imei: string): Promise<Tracker> {
    return this.#keep(await Tracker.loggedIn(this.gateway.tcpPort, imei));
  }
  async consumer(): Promise<SseConsumer> {
    return this.#keep(await SseConsumer.open(this.gateway.url));
  }

  /** Silence cannot be waited for: something good is sent behind it, and its answer is the first. */
  async expectSilent(tracker: UdpTracker, bad: Uint8Array, number: number): Promise<void> {
    const witness = new TestDevice(number, "8");
    const before = tracker.answers.length;
    tracker.send(bad);
    await tracker.insist(packetOf(witness.imei, witness.frame(witness.records(1)).bytes, { packetId: number, avlPacketId: 0x77 }));
    expect(tracker.answers.slice(before)).toEqual([`0005${number.toString(16).padStart(4, "0")}017701`]);
  }

  /** The gateway shuts down in order. */
  async end(): Promise<void> {
    for (const one of this.#open) one.close();
    this.#open = [];
    expect(await this.gateway.stop()).toEqual({ code: 0, signal: null });
  }

  #keep<T extends { close(): void }>(one: T): T {
    this.#open.push(one);
    return one;
  }
}
