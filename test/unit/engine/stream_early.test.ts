/** A device that says what became of a command before its stream has said that it was given: the two come by different rings. */
import { expect, test } from "bun:test";
import { ringThreads } from "../../../src/engine/boot.ts";
import { RingConsumer, RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { type MessageOf, receive, send } from "../../../src/wire/control.ts";
import { CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";

class StreamBench {
  readonly device = imeiOf(1);
  readonly id: string;
  readonly bench = new CodecBench();
  readonly #claims: RingProducer;
  readonly #decisions: RingConsumer;

  constructor() {
    const { boot } = this.bench;
    const bell = new Bell(boot.bells, boot.roster.registry);
    const thread = ringThreads(boot.roster).indexOf(boot.roster.http[0]!);
    this.#claims = new RingProducer(boot.rings.claims[thread]!, bell);
    this.#decisions = new RingConsumer(boot.rings.decisions[thread]!);
    const { device } = this;
    send(this.#claims, { type: "claimStream", conn: 1, device, address: "10.0.0.2", port: 2, at: 1, takeover: true, commands: true });
    this.#claims.publish();
    this.bench.turn();
    this.id = this.bench.command(device);
    this.bench.pass(30);
  }

  /** The command as the stream's thread is told of it. */
  handed(): MessageOf<"command"> {
    while (this.#decisions.next()) {
      const message = receive(this.#decisions);
      if (message.type === "command") return message;
    }
    throw new Error("no command was handed to the stream");
  }

  says(request: number): void {
    const { device, id, bench } = this;
    send(bench.asks, { type: "commandReport", request, device, id, fence: 0, isAnswered: true, response: "on" });
    bench.asks.publish();
    bench.pass(30);
  }

  streamSays(no: number, written: boolean): void {
    send(this.#claims, { type: "commandDone", no, written });
    this.#claims.publish();
    this.bench.pass(30);
  }
}

test("it is told so when both are known, and the command has its answer", () => {
  const it = new StreamBench();
  const { no } = it.handed();
  it.says(91);
  expect([it.bench.told("c91"), it.bench.states(it.id)]).toEqual([null, ["queued", "routed"]]);
  it.says(92);
  expect(it.bench.told("c92")).toEqual(["busy", ""]);
  it.streamSays(no, true);
  expect([it.bench.told("c91"), it.bench.states(it.id)]).toEqual([["done", it.id], ["queued", "routed", "written", "answered on"]]);
});

test("it is refused when the stream did not give it, and the command is given again", () => {
  const it = new StreamBench();
  it.says(91);
  it.streamSays(it.handed().no, false);
  expect([it.bench.told("c91"), it.bench.states(it.id)]).toEqual([["refused", "not_given"], ["queued", "routed", "queued", "routed"]]);
  it.streamSays(it.handed().no, true);
  it.says(92);
  expect([it.bench.told("c92"), it.bench.states(it.id).at(-1)]).toEqual([["done", it.id], "answered on"]);
});
