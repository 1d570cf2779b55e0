/** What a blocking thread's sockets have beside the others': how it waits, and how it is woken. The rest: platform_socket.test.ts. */
import { afterEach, describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { connect } from "node:net";
import type { Acceptor, Peer, Socket, SocketEnd, SocketHandler } from "../../src/platform/port.ts";
import type { SocketLoop } from "../../src/platform/socket_loop.ts";
import { here } from "../support/here.ts";
import { shutDown } from "../support/socket_option.ts";
import { until } from "../support/until.ts";

const OPTIONS = { keepAliveIdleS: 300, keepAliveIntervalS: 30, keepAliveProbes: 4, userTimeoutMs: 120_000, backlog: 16 };
const LONG_MS = 20_000;

describe.skipIf(here.socketLoop === null)("a blocking thread's loop", () => {
  let loop: SocketLoop;
  let acceptor: Acceptor | null = null;
  const fresh = (): SocketLoop => loop = here.socketLoop!();
  afterEach(() => {
    loop.close();
    acceptor?.stop();
    acceptor = null;
  });

  async function adopted(handler: SocketHandler<unknown>): Promise<ReturnType<typeof connect>> {
    acceptor = here.acceptor!("127.0.0.1", 0, OPTIONS);
    const client = connect(acceptor.port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => client.once("connect", resolve));
    acceptor.poll(LONG_MS);
    const { fd, peer } = acceptor.accept() as { fd: number; peer: Peer };
    loop.adopt(fd, peer, handler);
    return client;
  }

  test("wait ends without anything when its time is over", () => {
    expect(fresh().wait(0)).toBe(false);
    expect(loop.wait(1)).toBe(false);
  });

  test("a poke ends one wait, and only one, whether it came before or not", () => {
    fresh();
    for (let i = 0; i < 3; i++) {
      here.poke(loop.doorbell);
      here.poke(loop.doorbell);
      expect(loop.wait(LONG_MS)).toBe(true);
      loop.serve();
      expect(loop.wait(0)).toBe(false);
    }
  });

  test("its doorbell outlives it: who pokes it late writes into no other file", () => {
    const gone = fresh();
    gone.close();
    fresh();
    here.poke(gone.doorbell);
    expect([readlinkSync(`/proc/self/fd/${gone.doorbell}`), loop.doorbell === gone.doorbell]).toEqual(["anon_inode:[eventfd]", false]);
  });

  test("bytes end a wait, and serve gives them to the handler", async () => {
    const got: string[] = [];
    fresh();
    const client = await adopted({
      open: () => null,
      data: (_, bytes) => void got.push(new TextDecoder().decode(bytes)),
      drain: () => {},
      close: () => {},
    });
    client.write("hello");
    await new Promise((resolve) => setImmediate(resolve));
    expect(loop.wait(LONG_MS)).toBe(true);
    expect(got).toEqual([]);
    loop.serve();
    expect(got).toEqual(["hello"]);
    client.destroy();
  });

  test("a socket that is reset while it opens is closed once its handler knows it", async () => {
    const closed: unknown[] = [];
    fresh();
    await adopted({
      open: (socket: Socket) => {
        socket.reset();
        expect(closed).toEqual([]);
        return "state";
      },
      data: () => {},
      drain: () => {},
      close: (state, how: SocketEnd) => void closed.push(state, how),
    });
    expect(closed).toEqual(["state", "reset"]);
  });

  test("a write that fails ends the socket in the next round, once, for the reason it found", async () => {
    const seen: unknown[] = [];
    let socket: Socket | null = null;
    fresh();
    const client = await adopted({
      open: (opened: Socket) => (socket = opened, "state"),
      data: () => seen.push("data"),
      drain: () => seen.push("drain"),
      close: (state, how: SocketEnd) => void seen.push(state, how),
    });
    client.resetAndDestroy();
    await new Promise((resolve) => client.once("close", resolve));
    await until("a write that fails", () => socket!.write(Uint8Array.of(1)) === -1);
    expect([socket!.write(Uint8Array.of(1)), seen]).toEqual([-1, []]);
    expect(loop.wait(LONG_MS)).toBe(true);
    loop.serve();
    expect([seen, socket!.fd]).toEqual([["state", "reset"], -1]);
    expect(loop.wait(0)).toBe(false);
    loop.serve();
    expect(seen).toHaveLength(2);
  });

  test("a write that fails ends the socket though no event would ever say so", async () => {
    const seen: unknown[] = [];
    let socket: Socket | null = null;
    fresh();
    const client = await adopted({
      open: (opened: Socket) => socket = opened,
      data: () => {},
      drain: () => {},
      close: (_, how: SocketEnd) => void seen.push(how),
    });
    // The kernel takes no more for it, and the peer is there.
    shutDown(socket!.fd);
    expect(loop.wait(0)).toBe(false);
    expect(socket!.write(Uint8Array.of(1))).toBe(-1);
    expect(loop.wait(LONG_MS)).toBe(true);
    loop.serve();
    expect(seen).toEqual(["reset"]);
    client.destroy();
  });

  test("a write behind our own FIN is refused, and the peer is still heard", async () => {
    const seen: unknown[] = [];
    let socket: Socket | null = null;
    fresh();
    const client = await adopted({
      open: (opened: Socket) => socket = opened,
      data: (_, bytes) => seen.push(bytes.length),
      drain: () => {},
      close: (_, how: SocketEnd) => void seen.push(how),
    });
    socket!.end();
    expect(socket!.write(Uint8Array.of(1))).toBe(-1);
    client.write("abc");
    await until("its bytes", () => {
      if (loop.wait(0)) loop.serve();
      return seen.length > 0;
    });
    expect(seen[0]).toBe(3);
    client.destroy();
  });

  test("a socket that an earlier event of the same round has reset is not served", async () => {
    const sockets: Socket[] = [];
    const heard: Socket[] = [];
    fresh();
    const handler: SocketHandler<Socket> = {
      open: (socket) => (sockets.push(socket), socket),
      data: (socket) => {
        heard.push(socket);
        for (const other of sockets) if (other !== socket) other.reset();
      },
      drain: () => {},
      close: () => {},
    };
    const first = await adopted(handler as SocketHandler<unknown>);
    acceptor!.stop();
    const second = await adopted(handler as SocketHandler<unknown>);
    for (const client of [first, second]) client.write("x");
    await new Promise((resolve) => setImmediate(resolve));
    loop.wait(LONG_MS);
    loop.serve();
    expect(heard).toHaveLength(1);
    for (const client of [first, second]) client.destroy();
  });
});
