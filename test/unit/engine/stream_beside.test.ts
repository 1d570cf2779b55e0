/** A device with two connections, a tracker's and a stream of its own: each is answered for by who was given the command. */
import { expect, test } from "bun:test";
import { ringThreads } from "../../../src/engine/boot.ts";
import { RingProducer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { send } from "../../../src/wire/control.ts";
import { CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";

const REPORT = 99;

test("what a tracker was given is not answered by a stream that came after it and takes no commands", () => {
  const bench = new CodecBench({ commandLoginMs: 10 }, null, "multi(2)");
  const { boot } = bench;
  const device = imeiOf(1);
  const { socket } = bench.login(device);
  const bell = new Bell(boot.bells, boot.roster.registry);
  const claims = new RingProducer(boot.rings.claims[ringThreads(boot.roster).indexOf(boot.roster.http[0]!)]!, bell);
  send(claims, { type: "claimStream", conn: 1, device, address: "10.0.0.2", port: 2, at: 1, takeover: true, commands: false });
  claims.publish();
  bench.turn();
  expect(bench.count("berth_connections")).toBe(2);
  const id = bench.command(device);
  bench.pass(100);
  expect([bench.states(id), socket.written.length > 1]).toEqual([["queued", "routed", "written"], true]);
  send(bench.asks, { type: "commandReport", request: REPORT, device, id, fence: 0, isAnswered: true, response: "done" });
  bench.asks.publish();
  bench.pass(30);
  expect(bench.told(`c${REPORT}`)).toEqual(["refused", "not_given"]);
  expect(bench.states(id)).toEqual(["queued", "routed", "written"]);
});
