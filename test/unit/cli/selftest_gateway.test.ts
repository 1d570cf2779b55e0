/** The gateway of a selftest: what it says comes by two pipes, in any order. */
import { expect, test } from "bun:test";
import { SelftestGateway } from "../../../src/cli/selftest_gateway.ts";
import type { Platform } from "../../../src/platform/port.ts";
import { pause } from "../../support/until.ts";

const READY = '{"event":"ready","tcp":"127.0.0.1:5027","http":"127.0.0.1:8080"}';
const NAMED = '{"level":"info","threads":[{"name":"journal","id":7}],"message":"ready"}';

/** A child that says what it is told to. */
function child() {
  const pipe = (): { stream: ReadableStream<Uint8Array>; say: (line: string) => void } => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    return { stream: readable, say: (line) => void writer.write(new TextEncoder().encode(`${line}\n`)) };
  };
  const [out, err] = [pipe(), pipe()];
  const spawned = { pid: 1, out: out.stream, err: err.stream, ended: new Promise<never>(() => {}), kill: () => {} };
  const platform = { environment: () => ({}), spawnSelf: () => spawned } as unknown as Platform;
  return { platform, out, err };
}

test.each(["before", "after"])("threads that are named %s the ready line are known when it has started", async (when) => {
  const { platform, out, err } = child();
  let gateway: SelftestGateway | null = null;
  const starting = SelftestGateway.start(platform, "").then((one) => gateway = one);
  const lines = [() => err.say(NAMED), () => out.say(READY)];
  const [first, second] = when === "before" ? lines : lines.toReversed();
  first!();
  // Time enough to be heard: one of the two is not enough.
  await pause(20);
  expect(gateway).toBeNull();
  second!();
  expect((await starting).threads).toEqual([{ name: "journal", id: 7 }]);
});
