/** The dashboard's files over HTTP: where they are, how long they may be kept, what the page may do. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { OutWorld } from "../../support/out_world.ts";
import { ask, type Problem } from "../../support/rest.ts";

let world: OutWorld;
beforeEach(async () => {
  world = await OutWorld.start();
});
afterEach(() => world.stop());

const plain = { headers: { "accept-encoding": "identity" } };

describe("dashboard files", () => {
  test("the page names its files, each there under a name that never changes meaning", async () => {
    const page = await ask(world.url, "/", plain);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const paths = [...page.text.matchAll(/"(\/dashboard\/[^"]+)"/g)].map(([, path]) => path!);
    expect(paths.map((path) => path.split(".").at(-1)).join()).toBe("svg,css,js");
    for (const path of paths) {
      const { status, headers, text } = await ask(world.url, path, plain);
      expect([status, headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(text.length).toBeGreaterThan(100);
    }
  });

  test("nothing that the page shows comes from elsewhere, and nothing in it is inline", async () => {
    const { headers, text } = await ask(world.url, "/", plain);
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(text).not.toMatch(/https?:\/\//);
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
    expect(text).not.toMatch(/%[A-Z]+%/);
  });

  test("an empty fleet's command names where trackers connect, as far as the page can know it", async () => {
    const { port } = world.boot.settings.tcp;
    const { text } = await ask(world.url, "/", plain);
    const [, target] = /berth simulate(.*?) --devices/.exec(text)!;
    expect([port, target]).toEqual([0, " 127.0.0.1:PORT"]);
  });

  test("a browser that has it is told so, and one that takes gzip gets it", async () => {
    const { headers } = await ask(world.url, "/", plain);
    const again = await ask(world.url, "/", { headers: { "if-none-match": `W/"x", ${headers.get("etag")}` } });
    expect([again.status, again.text]).toEqual([304, ""]);
    const zipped = await fetch(`${world.url}/`, { headers: { "accept-encoding": "gzip" } });
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(await zipped.text()).toContain("<title>Berth</title>");
  });

  test("a file of another build is not there", async () => {
    const { status, json } = await ask<Problem>(world.url, "/dashboard/main-000000000000.js");
    expect([status, json.status]).toEqual([404, 404]);
  });
});
