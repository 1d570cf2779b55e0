/** The allow list of a gateway that refuses unknown devices: through the interface, the command line and a file. */
import { afterAll, describe, expect, test } from "bun:test";
import { imeiOf, TestDevice } from "../support/fleet.ts";
import { encodeLogin } from "../support/frames.ts";
import { endEverything, Gateway, runBerth, temporaryData, writeTemporaryFile } from "../support/gateway.ts";
import { allRecords, ask, device, type Problem } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(endEverything);

interface Listed {
  readonly devices: readonly { readonly id: string }[];
  readonly next: string | null;
}

describe("allow list", () => {
  const logsIn = async (gateway: Gateway, imei: string): Promise<boolean> => {
    const tracker = await Tracker.open(gateway.tcpPort);
    tracker.write(encodeLogin(imei));
    const answer = await tracker.answered();
    tracker.close();
    return answer === 1;
  };
  const start = (data: string, settings: Record<string, string> = {}): Promise<Gateway> =>
    Gateway.start({ data, settings: { workers: 1, unknown_devices: "reject", ...settings } });

  test("lets devices in from then on, and shuts them out, also after a restart", async () => {
    const data = temporaryData();
    const [a, b, c] = [imeiOf(1), imeiOf(2), imeiOf(3)];
    const first = await start(data);
    expect(await logsIn(first, a)).toBe(false);
    expect((await ask(first.url, `/v1/allow/${a}`)).status).toBe(404);
    expect((await ask(first.url, `/v1/allow/${a}`, { method: "PUT" })).status).toBe(204);
    expect((await ask(first.url, `/v1/allow/${a}`)).status).toBe(200);
    expect(await logsIn(first, a)).toBe(true);
    expect((await runBerth(["allow", "add", b, c, "--url", first.url])).code).toBe(0);
    expect(await logsIn(first, b)).toBe(true);
    const page = await ask<Listed>(first.url, "/v1/allow?limit=2");
    expect([page.json.devices.map(({ id }) => id), page.json.next]).toEqual([[a, b], c]);
    expect((await ask<Listed>(first.url, `/v1/allow?after=${c}`)).json).toMatchObject({ devices: [{ id: c }], next: null });
    expect((await runBerth(["allow", "remove", b, "--url", first.url])).code).toBe(0);
    expect(await logsIn(first, b)).toBe(false);
    expect((await first.stop()).code).toBe(0);
    const second = await start(data);
    for (const [imei, may] of [[a, true], [b, false], [c, true]] as const) expect([imei, await logsIn(second, imei)]).toEqual([imei, may]);
    const { out } = await runBerth(["allow", "list", "--url", second.url]);
    expect(out.split("\n").map((line) => line.split(" ")[0])).toEqual([a, c, ""]);
    await second.stop();
  }, 60_000);

  test("of a file counts from the start; a mistake in it is named", async () => {
    const [a, b] = [imeiOf(1), imeiOf(2)];
    const file = await writeTemporaryFile("fleet.txt", `# ours\n${a}\n\n${b} # the new one\n`);
    const gateway = await start(temporaryData(), { "access.allow_file": file });
    expect([await logsIn(gateway, a), await logsIn(gateway, b), await logsIn(gateway, imeiOf(3))]).toEqual([true, true, false]);
    await gateway.stop();
    const wrong = await writeTemporaryFile("fleet.txt", `${a}\nnot an id\n`);
    const failed = Gateway.spawn({ settings: { "access.allow_file": wrong } });
    expect((await failed.ended()).code).toBe(1);
    expect(failed.logText).toContain("fleet.txt:2");
  }, 60_000);

  test("of a gateway that quarantines marks what unlisted devices send, until they are listed", async () => {
    const data = temporaryData();
    const [known, stranger] = [new TestDevice(1, "8"), new TestDevice(2, "8")];
    const send = async (gateway: Gateway, one: TestDevice): Promise<void> => {
      const tracker = await Tracker.loggedIn(gateway.tcpPort, one.imei);
      expect(await tracker.send(one.frame(one.records(9)).bytes)).toBe(9);
      tracker.close();
    };
    /** Of each frame of nine records: are they marked? */
    const marks = async (gateway: Gateway, one: TestDevice): Promise<boolean[]> => {
      const records = (await allRecords(gateway.url, one.imei)) as readonly { readonly quarantined?: boolean }[];
      const all = records.map(({ quarantined }) => quarantined === true);
      const frames = all.filter((_, at) => at % 9 === 0);
      expect(all).toEqual(frames.flatMap((mark) => Array<boolean>(9).fill(mark)));
      return frames;
    };
    const first = await start(data, { unknown_devices: "quarantine" });
    expect((await ask(first.url, `/v1/allow/${known.imei}`, { method: "PUT" })).status).toBe(204);
    for (const one of [known, stranger]) await send(first, one);
    expect([await marks(first, known), await marks(first, stranger)]).toEqual([[false], [true]]);
    expect((await device(first.url, known.imei)).position).not.toBeNull();
    expect((await device(first.url, stranger.imei)).position).toBeNull();
    await first.stop();
    // It is known to the store by now, and still listed by nobody.
    const second = await start(data, { unknown_devices: "quarantine" });
    for (const one of [known, stranger]) await send(second, one);
    expect([await marks(second, known), await marks(second, stranger)]).toEqual([[false, false], [true, true]]);
    const tracker = await Tracker.loggedIn(second.tcpPort, stranger.imei);
    expect((await ask(second.url, `/v1/allow/${stranger.imei}`, { method: "PUT" })).status).toBe(204);
    expect(await tracker.send(stranger.frame(stranger.records(9)).bytes)).toBe(9);
    expect(await marks(second, stranger)).toEqual([true, true, false]);
    expect((await device(second.url, stranger.imei)).position).not.toBeNull();
    expect((await ask(second.url, `/v1/allow/${stranger.imei}`, { method: "DELETE" })).status).toBe(204);
    expect(await tracker.send(stranger.frame(stranger.records(9)).bytes)).toBe(9);
    expect(await marks(second, stranger)).toEqual([true, true, false, true]);
    await second.stop();
  }, 60_000);

  test("takes no id that is none, and forgets no stranger", async () => {
    const gateway = await start(temporaryData());
    expect((await ask<Problem>(gateway.url, "/v1/allow/a%20b", { method: "PUT" })).status).toBe(400);
    expect((await ask<Problem>(gateway.url, `/v1/allow/${imeiOf(9)}`, { method: "DELETE" })).status).toBe(404);
    await gateway.stop();
  });
});
