/** Acknowledgements and commands on one socket never interleave: 10,000 frames with commands in flight, byte by byte. */
import { afterAll, expect, test } from "bun:test";
import { commandTraffic } from "../support/command_traffic.ts";
import { ACCEPTS, endEverything, Gateway } from "../support/gateway.ts";

afterAll(endEverything);

for (const accept of ACCEPTS) {
  test(`acknowledgements and commands never interleave, accepting by ${accept}`, async () => {
    const gateway = await Gateway.start({ settings: { workers: 2, "tcp.accept": accept, "command.command_patience_ms": 20 } });
    const traffic = await commandTraffic(gateway, 4, 2500);
    expect(traffic.faults).toEqual([]);
    expect([traffic.acks, traffic.received, traffic.answered]).toEqual([traffic.frames, traffic.submitted, traffic.submitted]);
    expect(traffic.submitted).toBeGreaterThan(20);
    expect((await gateway.stop()).code).toBe(0);
  }, 120_000);
}
