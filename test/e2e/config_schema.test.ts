/** JSON Schemas of configurations from outside: what is refused and how it is said, on each runtime; and a schema that is none. */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { config, put, versionOf } from "../support/config_asks.ts";
import { CommandTracker } from "../support/command_tracker.ts";
import { denoBerth } from "../support/deno_command.ts";
import { TestDevice } from "../support/fleet.ts";
import { endEverything, Gateway, type GatewayOptions, runBerth, temporaryData, writeTemporaryFile } from "../support/gateway.ts";

afterAll(endEverything);

const RUNTIMES: readonly (readonly [string, GatewayOptions])[] = [
  ["as built", {}],
  ["on Deno", { command: denoBerth(), environment: { DENO_DIR: temporaryData(), DENO_NO_UPDATE_CHECK: "1" } }],
];
const PARAMETERS = { type: "object", patternProperties: { "^[0-9]+$": { type: ["integer", "string"] } }, additionalProperties: false };
const CAMERA = { type: "object", properties: { quality: { type: "integer", maximum: 10 } }, required: ["quality"] };

async function settingsFile(): Promise<string> {
  const folder = temporaryData();
  const [all, camera] = [join(folder, "all.json"), join(folder, "camera.json")];
  await Bun.write(all, JSON.stringify(PARAMETERS));
  await Bun.write(camera, JSON.stringify(CAMERA));
  const text = `[config]\nschema = ${JSON.stringify(all)}\n[[classes]]\nname = "cameras"\nmatch = "*8802"\nconfig_schema = ${
    JSON.stringify(camera)
  }\n`;
  return writeTemporaryFile("berth.toml", text);
}

describe.each(RUNTIMES)("%s a configuration", (_name, options) => {
  test("that is not as the schema of its device has it is refused with the paths to what is wrong", async () => {
    const file = await settingsFile();
    const gateway = await Gateway.start({ ...options, args: ["--config", file], settings: { workers: 1 } });
    const [tracker, camera] = [new TestDevice(8801, "8"), new TestDevice(8802, "8")].map(({ imei }) => imei) as [string, string];
    expect(camera).toEndWith("8802");
    for (const imei of [tracker, camera]) (await CommandTracker.loggedIn(gateway.tcpPort, imei)).end();
    const wrong = await put(gateway.url, tracker, { 102: true, name: "x" });
    expect([wrong.status, wrong.headers.get("content-type"), wrong.json]).toEqual([422, "application/problem+json", {
      type: "about:blank",
      title: "Cannot be done",
      status: 422,
      detail: 'Cannot put configuration: it must NOT have additional properties: "name"',
      errors: [
        { path: "", message: 'must NOT have additional properties: "name"' },
        { path: "/102", message: "must be integer,string" },
      ],
    }] as never);
    expect((await put(gateway.url, camera, { quality: 11 })).json).toMatchObject({
      detail: "Cannot put configuration: /quality must be <= 10",
    });
    // Nothing of them was kept.
    expect([await versionOf(gateway.url, tracker, { 102: 5 }), await versionOf(gateway.url, camera, { quality: 10 })]).toEqual([1, 1]);
    expect(await config(gateway.url, camera)).toMatchObject({ version: 1, value: { quality: 10 } });
    expect((await gateway.stop()).code).toBe(0);
  }, 60_000);
});

test("a schema that cannot be used ends the start and the check of the settings, and is named", async () => {
  const schema = await writeTemporaryFile("bad.json", '{"tpye":"object"}');
  const file = await writeTemporaryFile("berth.toml", `[config]\nschema = ${JSON.stringify(schema)}\n`);
  const said = `Cannot use ${schema} as a JSON Schema: strict mode: unknown keyword: "tpye"`;
  const checked = await runBerth(["check", file]);
  expect([checked.code, checked.out, checked.err]).toEqual([1, "", `berth: ${said}\n`]);
  const gateway = Gateway.spawn({ args: ["--config", file], settings: { workers: 1 } });
  expect(await gateway.ended()).toEqual({ code: 1, signal: null });
  expect(gateway.logText).toContain(JSON.stringify(said).slice(1, -1));
  const good = await runBerth(["check", await settingsFile()]);
  expect([good.code, good.out.includes("config_schema = "), good.err]).toEqual([0, true, ""]);
});
