/** One drain against a gateway that is busy at the wrong moments: the door is shut before anybody is closed, and open after a cancel. */
import { describe, expect, test } from "bun:test";
import { DrainRun } from "../../../src/http/drain_run.ts";
import type { Gateway } from "../../../src/http/gateway.ts";

/** What a drain asks of a gateway with two connected devices. `busy`: so many of the next orders are not answered. */
class Drained {
  readonly orders: string[] = [];
  readonly connected = new Map([["a", 1024], ["b", 2048]]);
  accepting = true;
  doorShut = false;
  busy = 0;

  order(verb: string, device: string, text: string) {
    if (this.busy > 0) {
      this.busy--;
      return Promise.resolve({ kind: "busy", reason: "the registry did not answer in time" });
    }
    this.orders.push(`${verb} ${device} ${text}`);
    if (device === "") this.doorShut = text === "shut";
    const wasThere = device === "" || this.connected.delete(device);
    return Promise.resolve({ kind: "ordered", outcome: wasThere ? "done" : "not_connected", text: "" });
  }

  devices() {
    const devices = [...this.connected].map(([id, fence]) => ({ id, fence }));
    return Promise.resolve({ kind: "devices", cursor: "e.0", devices, next: null });
  }

  told(device: string) {
    return { connected: this.connected.has(device), fence: 1 };
  }

  report(shut: boolean): AsyncGenerator<string> {
    return new DrainRun(this as unknown as Gateway, { perSecond: 1000, returnMs: 60_000, shut }, () => performance.now()).report();
  }
}

describe("a drain that refuses newcomers", () => {
  test("closes nobody before the door is shut, however often it has to ask", async () => {
    const gateway = new Drained();
    gateway.busy = 3;
    for await (const _ of gateway.report(true));
    expect(gateway.orders[0]).toBe("drain  shut");
    expect([gateway.doorShut, gateway.connected.size]).toEqual([true, 0]);
  });

  test("opens the door when it is cancelled, however often it has to ask", async () => {
    const gateway = new Drained();
    const report = gateway.report(true);
    await report.next();
    expect(gateway.doorShut).toBe(true);
    gateway.busy = 3;
    await report.return(undefined);
    expect([gateway.doorShut, gateway.orders.at(-1)]).toEqual([false, "drain  open"]);
  });

  test("asks no more when the gateway stops", async () => {
    const gateway = new Drained();
    const report = gateway.report(true);
    await report.next();
    gateway.busy = Infinity;
    gateway.accepting = false;
    await report.return(undefined);
    expect(gateway.doorShut).toBe(true);
  });

  test("that was cancelled before it began has shut nothing", async () => {
    const gateway = new Drained();
    await gateway.report(true).return(undefined);
    expect([gateway.orders, gateway.connected.size]).toEqual([[], 2]);
  });
});

test("a drain that lets newcomers in opens a door that was shut before", async () => {
  const gateway = new Drained();
  gateway.doorShut = true;
  gateway.busy = 1;
  const report = gateway.report(false);
  await report.next();
  expect([gateway.orders, gateway.doorShut]).toEqual([["drain  open"], false]);
  await report.return(undefined);
});
