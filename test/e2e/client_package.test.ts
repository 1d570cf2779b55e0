/** `berth/client`, packed and installed, on every runtime it is for: it follows a real gateway, and its types hold. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { browserPath, Dashboard, endBrowser } from "../support/browser.ts";
import { projectWithClient, runIn, RUNTIMES } from "../support/client_package.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway } from "../support/gateway.ts";
import { sendAll } from "../support/main_job.ts";
import { allRecords, devicesPage } from "../support/rest.ts";
import { Tracker } from "../support/tracker.ts";

afterAll(async () => {
  await endBrowser();
  await page.stop(true);
  await endEverything();
});

const device = new TestDevice(1200, "8E");
let project: string;
let gateway: Gateway;
let start: string;
let seqs: number[];
/** A page of another origin. */
const page = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) =>
    new URL(request.url).pathname === "/client.js"
      ? new Response(Bun.file(join(project, "node_modules/berth/index.js")))
      : new Response("<!doctype html><title>page</title>", { headers: { "content-type": "text/html" } }),
});

/** Reads what there is, follows from before it, and tells which records came. Runs on any runtime. */
const PROGRAM = `
async function program({ connect, gateway }, url, cursor, wanted) {
  const devices = await gateway(url).allDevices();
  const states = [];
  const seqs = [];
  const events = connect(url, {
    cursor,
    kinds: ["record"],
    onConnect: () => states.push("connected"),
    onDisconnect: ({ cause }) => states.push(cause),
  });
  for await (const { event, data } of events) {
    if (event === "record") seqs.push(data.seq);
    if (seqs.length === wanted) break;
  }
  await new Promise((resolve) => setTimeout(resolve));
  const channels = [];
  // Node has a WebSocket since 22.
  if (typeof WebSocket === "function") {
    for await (const { event, channel, data } of connect(url, { transport: "ws", channels: ["devices"], cursor })) {
      if (event === "record") channels.push(data.seq);
      if (channels.length === wanted) break;
    }
  } else channels.push(...seqs);
  return JSON.stringify({ ids: devices.value.devices.map(({ id }) => id), seqs, channels, states, state: events.state });
}
`;

const expected = (): object => ({ ids: [device.imei], seqs, channels: seqs, states: ["connected", "closed"], state: "disconnected" });

beforeAll(async () => {
  [project, gateway] = await Promise.all([
    projectWithClient(),
    Gateway.start({ settings: { workers: 1, "access.origins": `http://127.0.0.1:${page.port}` } }),
  ]);
  start = (await devicesPage(gateway.url)).cursor;
  const tracker = await Tracker.loggedIn(gateway.tcpPort, device.imei);
  await sendAll(tracker, device.frames(10));
  tracker.close();
  seqs = (await allRecords(gateway.url, device.imei)).map(({ seq }) => seq);
}, 60_000);

describe("client package", () => {
  test.each(Object.keys(RUNTIMES))("follows a gateway on %s", async (runtime) => {
    const call = `program(client, ${JSON.stringify(gateway.url)}, ${JSON.stringify(start)}, ${seqs.length})`;
    writeFileSync(join(project, "program.mjs"), `import * as client from "berth/client";\n${PROGRAM}console.log(await ${call});\n`);
    expect(JSON.parse(await runIn(project, RUNTIMES[runtime]!("program.mjs")))).toEqual(expected());
  }, 60_000);

  test.if(browserPath() !== null)("follows a gateway from a page of another origin", async () => {
    const dashboard = await Dashboard.open(`http://127.0.0.1:${page.port}/`);
    const call = `program(client, ${JSON.stringify(gateway.url)}, ${JSON.stringify(start)}, ${seqs.length})`;
    const told = await dashboard.page.evaluate<string>(
      `(async () => {${PROGRAM} const client = await import("/client.js"); return ${call}; })()`,
    );
    expect(JSON.parse(told)).toEqual(expected());
    expect(dashboard.errors).toEqual([]);
    await dashboard.close();
  }, 60_000);

  test("has types that hold for a program of its own, strictly and without ours", async () => {
    writeFileSync(
      join(project, "typed.ts"),
      `import { type BerthEvent, connect, gateway, type Loss, type StoredRecord } from "berth/client";
export async function program(url: string): Promise<StoredRecord | null> {
  const all = await gateway(url, { token: () => "t" }).allDevices();
  if (!all.ok) throw new Error(all.fault satisfies "unreachable" | "refused" | "odd");
  const lost = (loss: Loss): number | null => loss.waitMs;
  for await (const event of connect(url, { cursor: all.value.cursor, onDisconnect: lost, kinds: ["record", "later"] })) {
    const known: BerthEvent = event;
    if (known.event === "gap") console.log(known.data.to - known.data.from);
    if (event.event === "record") return event.data;
    // @ts-expect-error a record has a place, a gap has none
    if (event.event === "gap") console.log(event.data.lat);
  }
  return null;
}
`,
    );
    const options = {
      strict: true,
      module: "nodenext",
      target: "es2022",
      lib: ["es2022", "dom", "dom.asynciterable"],
      types: [],
      noEmit: true,
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["typed.ts"] }));
    await runIn(project, ["node", resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc"), "-p", "."]);
  }, 60_000);
});
