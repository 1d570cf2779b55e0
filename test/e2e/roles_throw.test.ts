/** A thread that throws ends the process, which says which one and why; nothing acknowledged is lost by it. */
import { afterAll, describe, expect, test } from "bun:test";
import { endEverything, Gateway } from "../support/gateway.ts";
import { ROLES, runIntoFault } from "../support/role_faults.ts";

afterAll(endEverything);

describe("a throw in the loop", () => {
  test.each([...ROLES])("of %s ends the process, names it and loses nothing", async (role) => {
    const { gateway, traffic } = await runIntoFault(role, "throw");
    expect(await gateway.ended()).toEqual({ code: 1, signal: null });
    expect(gateway.log.filter((line) => line.includes(role)).join("\n")).toMatch(/fault point/);
    const again = await Gateway.start({ data: gateway.data });
    expect(await traffic.missingAt(again.url)).toEqual([]);
    expect((await again.stop()).code).toBe(0);
  }, 90_000);
});
