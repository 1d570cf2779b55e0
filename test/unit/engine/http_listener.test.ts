/** The end of where an http thread listens: it waits for connections so long, and no longer. */
import { afterEach, expect, test } from "bun:test";
import { RenewableListener } from "../../../src/engine/http/listener.ts";
import type { HttpListener } from "../../../src/platform/port.ts";
import { OutWorld, settingsWith } from "../../support/out_world.ts";
import { here } from "../../support/here.ts";

let world: OutWorld | null = null;
afterEach(async () => {
  await world?.stop();
  world = null;
});

const END_MS = 20;
const never = new Promise<void>(() => {});
/** One whose connections never end. */
const endless = (listener: Pick<HttpListener, "port">): HttpListener => ({ port: listener.port, pending: () => 3, stop: () => never });

async function opened(listener: HttpListener): Promise<RenewableListener> {
  const platform = { ...here, serveHttp: () => Promise.resolve(listener) };
  const options = { maxBodyBytes: 1, reusePort: false };
  return await RenewableListener.open(platform, settingsWith(), options, () => new Response());
}

test("a listener whose connections end says so, however long it might have waited", async () => {
  const listener = await opened({ port: 1, pending: () => 0, stop: () => Promise.resolve() });
  const began = performance.now();
  expect([await listener.stop(60_000), await listener.end(60_000)]).toEqual([true, null]);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("a listener whose connections do not end is waited for so long, and names them once", async () => {
  const listener = await opened(endless({ port: 1 }));
  const began = performance.now();
  expect(await listener.stop(END_MS)).toBe(false);
  expect(await listener.end(END_MS)).toBe("3 requests and WebSockets");
  expect(performance.now() - began).toBeGreaterThanOrEqual(2 * END_MS - 2);
  expect(await listener.end(60_000)).toBeNull();
});

test("a shutdown goes on without connections that do not end, and says so once", async () => {
  let real: HttpListener | null = null;
  world = await OutWorld.start({ byeMs: END_MS, listenerEndMs: END_MS }, (one) => {
    one.onListener = (listener) => endless(real = listener);
  });
  await world.stop();
  const said = `connections do not end in ${END_MS} ms; the thread ends without its 3 requests and WebSockets`;
  expect(world.warnings).toEqual([said]);
  world = null;
  await real!.stop(true);
});
