/** `berth send`, and the simulated trackers that answer it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { command, type CommandJson, inState } from "../support/command_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { settled, versionOf } from "../support/config_asks.ts";
import { TestDevice } from "../support/fleet.ts";
import { berthCommand, endEverything, Gateway, runBerth } from "../support/gateway.ts";
import { device } from "../support/rest.ts";
import { until } from "../support/until.ts";

afterAll(endEverything);

describe("berth send", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.start({ settings: { workers: 1, "command.command_login_ms": 50 } });
  });
  const send = (...words: string[]) => runBerth(["send", ...words, "--url", gateway.url]);

  test("prints the answer with --wait, and the id without", async () => {
    const one = new TestDevice(8301, "8E");
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei, ({ text }) => ({ text: `ok ${text}\u0007` }));
    expect(await send(one.imei, "getinfo", "--wait")).toEqual({ code: 0, out: "ok getinfo?\n", err: "" });
    const told = await send(one.imei, "getver", "--codec", "14", "--key", "k");
    expect([told.code, told.err]).toEqual([0, ""]);
    expect((await inState(gateway.url, told.out.trim(), "answered")).response).toBe("ok getver\u0007");
    const again = await send(one.imei, "getver", "--codec", "14", "--key", "k", "--wait", "--json");
    expect([again.code, (JSON.parse(again.out) as CommandJson).id]).toEqual([0, told.out.trim()]);
    expect(tracker.commands.map(({ codec, text }) => `${codec} ${text}`)).toEqual(["12 getinfo", "14 getver"]);
    tracker.end();
  }, 60_000);

  test("says how a command ended that was not answered", async () => {
    const one = new TestDevice(8302, "8E");
    const tracker = await CommandTracker.loggedIn(gateway.tcpPort, one.imei);
    const silent = await send(one.imei, "getinfo", "--wait", "--timeout", "100");
    expect([silent.code, silent.out]).toEqual([1, ""]);
    expect(silent.err).toMatch(new RegExp(`^berth: command [0-9a-f]+ to ${one.imei} ended unknown: timeout\n$`));
    tracker.end();
    await until("offline", async () => !(await device(gateway.url, one.imei)).connected);
    expect((await send(one.imei, "getinfo", "--wait", "--ttl", "50")).err).toContain("ended expired: ttl");
    expect((await send("350000000099998", "getinfo")).err).toContain('404 Unknown device "350000000099998"');
    expect((await send(one.imei, "get\ninfo")).err).toContain("400 Cannot send command: character 4 is not printable ASCII (0x0a)");
  }, 60_000);

  test("is answered by simulated trackers, which take a configuration as well and go on sending", async () => {
    const imei = "356307042440000";
    const words = ["simulate", `127.0.0.1:${gateway.tcpPort}`, "--devices", "2", "--rate", "200", "--imei", imei];
    const simulated = Bun.spawn([...berthCommand(), ...words], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    await until("a simulated tracker", async () => (await device(gateway.url, imei).catch(() => null))?.connected === true);
    for (const codec of ["12", "14"]) {
      const { code, out, err } = await send(imei, "getver", "--codec", codec, "--wait");
      expect([code, out.startsWith("Ver:"), err]).toEqual([0, true, ""]);
    }
    await versionOf(gateway.url, imei, { 2001: "internet", 102: 5 });
    await settled(gateway.url, imei, "applied", ({ applied }) => applied === 1);
    simulated.kill("SIGINT");
    const out = await new Response(simulated.stdout).text();
    expect(await simulated.exited).toBe(0);
    // A setparam and two getparam of the configuration.
    expect(JSON.parse(out)).toMatchObject({ commands: 5, mismatches: 0, reconnects: 0 });
    await until("offline", async () => !(await device(gateway.url, imei)).connected);
    expect((await command(gateway.url, (await send(imei, "getinfo")).out.trim())).state).toBe("queued");
    expect((await gateway.stop()).code).toBe(0);
  }, 60_000);
});
