/** Access as an http thread has it: over a real file, with another one beside it that changes it. */
import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EVERY_SCOPE, parseScopes, type Scopes } from "../../../src/access/scope.ts";
import { limitsWith } from "../../../src/base/limits.ts";
import { createSharedTable } from "../../../src/access/shared_table.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { Settings } from "../../../src/config/settings.ts";
import { Access } from "../../../src/engine/access.ts";
import { HttpAccess } from "../../../src/engine/http/access.ts";
import { Counters, createCounters } from "../../../src/telemetry/counters.ts";
import { ACCESS_FILE } from "../../../src/store/access_store.ts";
import { here } from "../../support/here.ts";

const made: { readonly path: string; readonly accesses: HttpAccess[] }[] = [];
afterEach(() => {
  for (const { path, accesses } of made.splice(0)) {
    for (const access of accesses) access.stop();
    here.removeTree(path);
  }
});

const scopes = (name: string): Scopes => {
  const parsed = parseScopes([name], 8);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};

class World {
  readonly path = here.temporaryDirectory("berth-access-");
  readonly accesses: HttpAccess[] = [];
  readonly asked = { byToken: createSharedTable(), byAddress: createSharedTable(), failures: createSharedTable() };
  constructor() {
    made.push(this);
  }
  open(host = "127.0.0.1"): HttpAccess {
    const config = loadConfig({ file: null, environment: {}, flags: { data: this.path, "http.listen": `${host}:0` } });
    if (!config.ok) throw new Error(config.message);
    const settings: Settings = config.value.settings;
    const access = new HttpAccess(here, settings, new Counters(createCounters(), 0), this.asked);
    this.accesses.push(access);
    return access;
  }
}

/** Its text; it must be there. */
function make(access: HttpAccess, scope: Scopes): { id: string; text: string } {
  const done = access.create("", scope);
  if (!done.ok) throw new Error(done.message);
  return { id: done.value.token.id, text: done.value.text };
}

test("access is open on loopback alone, and as long as there are no tokens", () => {
  const world = new World();
  const [local, wide] = [world.open(), world.open("0.0.0.0")];
  expect([local.open, wide.open]).toEqual([true, false]);
  const admin = make(local, EVERY_SCOPE);
  expect([local.open, wide.open]).toEqual([false, false]);
  expect(wide.find(admin.text)?.id).toBe(admin.id);
  expect(local.revoke(admin.id)).toBe("last_admin");
});

test("access sees at once what another thread or process has changed, and ends what hangs on it once", () => {
  const world = new World();
  const [one, other] = [world.open(), world.open()];
  make(one, EVERY_SCOPE);
  const { id, text } = make(one, scopes("read"));
  let ends = 0;
  other.find(text);
  other.whileValid(id, () => void ends++);
  const still = other.whileValid(id, () => void (ends += 100));
  still();
  expect(one.revoke(id)).toBe("revoked");
  expect(other.find(text)).toBeNull();
  expect(ends).toBe(1);
  expect(other.find(text)).toBeNull();
  expect(ends).toBe(1);
});

test("access ends at once what is opened with a token that was revoked meanwhile, and what nobody opened when the first one is made", async () => {
  const access = new World().open();
  const ended: string[] = [];
  access.whileValid(null, () => void ended.push("nobody's"));
  make(access, EVERY_SCOPE);
  expect(ended).toEqual(["nobody's"]);
  const { id } = make(access, scopes("read"));
  access.revoke(id);
  access.whileValid(id, () => void ended.push("late"));
  await Promise.resolve();
  expect(ended).toEqual(["nobody's", "late"]);
});

test("access that cannot be read lets nobody in", () => {
  const world = new World();
  writeFileSync(join(world.path, ACCESS_FILE), "this is no database, and long enough to be taken for one by nobody".repeat(100));
  const access = world.open();
  expect([access.open, access.find("x")]).toEqual([false, null]);
  expect(access.trouble).toContain(ACCESS_FILE);
});

test("access bounds the tokens there may be, and wants one that can make others first", () => {
  const path = here.temporaryDirectory("berth-access-");
  made.push({ path, accesses: [] });
  const access = new Access(here, path, limitsWith({ tokens: 2 }));
  const make = (scope: Scopes): string => {
    const done = access.create("", scope);
    return done.ok ? "made" : done.fault;
  };
  expect([make(scopes("read")), make(EVERY_SCOPE), make(scopes("read")), make(scopes("read"))]).toEqual([
    "first_admin",
    "made",
    "made",
    "too_many",
  ]);
  access.close();
});

test("access whose tokens are locked by somebody else at the start is not open", () => {
  const world = new World();
  const first = world.open();
  const admin = make(first, EVERY_SCOPE);
  const other = here.openDatabase(join(world.path, ACCESS_FILE), { readOnly: false });
  other.exec("BEGIN EXCLUSIVE");
  const access = world.open();
  expect([access.open, access.trouble?.includes(ACCESS_FILE)]).toEqual([false, true]);
  other.exec("COMMIT");
  other.close();
  expect([access.open, access.find(admin.text)?.id, access.trouble]).toEqual([false, admin.id, null]);
});
