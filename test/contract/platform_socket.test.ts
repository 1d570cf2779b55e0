/** Stream sockets: one suite for every implementation of the port that runs here. */
import { afterEach, describe, expect, test } from "bun:test";
import { connectDenoTcp, listenDenoTcp } from "../../src/platform/deno_socket.ts";
import type { Platform, Socket, SocketHandler, TcpListener } from "../../src/platform/port.ts";
import { here } from "../support/here.ts";
import { loopSockets } from "../support/loop_sockets.ts";
import { rejection } from "../support/rejection.ts";
import { tlsSockets } from "../support/tls_sockets.ts";
import { Changes, until } from "../support/until.ts";

type Sockets = Pick<Platform, "listenTcp" | "connectTcp">;
const implementations: [string, Sockets][] = [
  [here.name, here],
  // It is made of node:net alone, so it runs here too.
  ...(here.socketLoop === null ? [] : [["a blocking thread", loopSockets(here)] satisfies [string, Sockets]]),
  ...(here.name === "deno" ? [] : [["deno", { listenTcp: listenDenoTcp, connectTcp: connectDenoTcp }] satisfies [string, Sockets]]),
  [`${here.name} with TLS`, tlsSockets(here)],
];
const options = { keepAliveIdleS: 300, keepAliveIntervalS: 30, keepAliveProbes: 4, userTimeoutMs: 120_000, backlog: 128 };

/** One end of a connection that writes down what happens to it. */
class End {
  socket: Socket | null = null;
  text = "";
  bytes = 0;
  drains = 0;
  closes: string[] = [];
}

class Ends implements SocketHandler<End> {
  readonly all: End[] = [];
  readonly ended?: (end: End) => boolean;
  readonly #changes = new Changes();

  /** `ended`: asked when the peer has ended. */
  constructor(ended?: (end: End) => boolean) {
    if (ended === undefined) return;
    this.ended = (end) => {
      const stays = ended(end);
      this.#changes.changed();
      return stays;
    };
  }
  /** Waits until something that happens at these ends makes `seen` true. */
  async until(what: string, seen: () => boolean): Promise<void> {
    await this.#changes.until(what, () => seen() || undefined);
  }
  open(socket: Socket): End {
    const end = new End();
    end.socket = socket;
    this.all.push(end);
    this.#changes.changed();
    return end;
  }
  data(end: End, bytes: Uint8Array): void {
    end.bytes += bytes.length;
    if (end.text.length < 1000) end.text += new TextDecoder().decode(bytes.subarray(0, 1000));
    this.#changes.changed();
  }
  drain(end: End): void {
    end.drains++;
    this.#changes.changed();
  }
  close(end: End, reason: "closed" | "reset"): void {
    end.closes.push(reason);
    this.#changes.changed();
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const [name, sockets] of implementations) {
  describe(`sockets on ${name}`, () => {
    const open: { listener: TcpListener; ends: Ends[] }[] = [];
    afterEach(() => {
      for (const { listener, ends } of open.splice(0)) {
        for (const end of ends.flatMap((each) => each.all)) end.socket?.reset();
        listener.stop();
      }
    });

    async function pair(
      ended?: (end: End) => boolean,
    ): Promise<{ servers: Ends; clients: Ends; server: End; client: End; listener: TcpListener }> {
      const [servers, clients] = [new Ends(ended), new Ends()];
      const listener = await sockets.listenTcp("127.0.0.1", 0, { reusePort: false, socket: options }, servers);
      open.push({ listener, ends: [servers, clients] });
      await sockets.connectTcp("127.0.0.1", listener.port, clients);
      await servers.until("the server's socket", () => servers.all.length === 1);
      return { servers, clients, server: servers.all[0]!, client: clients.all[0]!, listener };
    }

    test("bytes pass both ways, and each side knows the other's address", async () => {
      const { servers, clients, server, client, listener } = await pair();
      expect(client.socket!.write(bytes("to server"))).toBe(9);
      expect(server.socket!.write(bytes("to client"))).toBe(9);
      await servers.until("the server's bytes", () => server.text === "to server");
      await clients.until("the client's bytes", () => client.text === "to client");
      expect(client.socket!.peer).toEqual({ address: "127.0.0.1", port: listener.port });
      expect(server.socket!.peer.address).toBe("127.0.0.1");
      expect(server.socket!.peer.port).toBeGreaterThan(0);
    });

    test("a peer that reads nothing stops the writer, and drain goes on", async () => {
      const { servers, clients, server, client } = await pair();
      client.socket!.pause();
      const piece = new Uint8Array(1 << 18);
      let taken = 0;
      for (;;) {
        const wrote = server.socket!.write(piece);
        expect(wrote).toBeGreaterThanOrEqual(0);
        taken += wrote;
        if (wrote < piece.length) break;
        expect(taken).toBeLessThan(1 << 28);
      }
      const drainsBefore = server.drains;
      client.socket!.resume();
      await servers.until("drain", () => server.drains > drainsBefore);
      await clients.until("every byte taken", () => client.bytes === taken);
      expect(server.socket!.write(bytes("x"))).toBe(1);
    });

    test("pause holds bytes back until resume", async () => {
      const { servers, server, client, clients } = await pair();
      server.socket!.pause();
      client.socket!.write(bytes("later"));
      // A round trip the other way: by its end the bytes have been there to read.
      server.socket!.write(bytes("ping"));
      await clients.until("the round trip", () => client.text === "ping");
      expect(server.text).toBe("");
      server.socket!.resume();
      await servers.until("the bytes after resume", () => server.text === "later");
    });

    test("a peer's FIN closes after its bytes were read", async () => {
      const { servers, server, client } = await pair();
      client.socket!.write(bytes("last words"));
      client.socket!.end();
      await servers.until("close", () => server.closes.length > 0);
      expect(server.text).toBe("last words");
      expect(server.closes).toEqual(["closed"]);
      expect(server.socket!.write(bytes("x"))).toBe(-1);
    });

    test("a peer that has ended is still told what its handler stays for, until end", async () => {
      const asked: string[] = [];
      const { servers, clients, server, client } = await pair((end) => {
        asked.push(end.text);
        return true;
      });
      client.socket!.write(bytes("last words"));
      client.socket!.end();
      await servers.until("the peer's FIN", () => asked.length > 0);
      expect([asked, server.closes]).toEqual([["last words"], []]);
      expect(server.socket!.write(bytes("an "))).toBe(3);
      await clients.until("the first of it", () => client.text === "an ");
      expect([server.closes, client.closes]).toEqual([[], []]);
      expect(server.socket!.write(bytes("answer"))).toBe(6);
      server.socket!.end();
      await clients.until("close at the peer", () => client.closes.length > 0);
      expect([client.text, client.closes]).toEqual(["an answer", ["closed"]]);
      await servers.until("close here", () => server.closes.length > 0);
      expect(server.closes).toEqual(["closed"]);
    });

    test("a peer that has ended, and then resets, closes the socket that stayed", async () => {
      let asked = 0;
      const { servers, server, client } = await pair(() => ++asked > 0);
      client.socket!.end();
      await servers.until("the peer's FIN", () => asked > 0);
      client.socket!.reset();
      // Behind a FIN Deno reads nothing: a write finds out.
      if (here.name === "deno") await until("close", () => server.socket!.write(bytes("x")) < 0);
      await servers.until("close", () => server.closes.length > 0);
      expect(server.closes).toHaveLength(1);
    });

    test("a socket that stayed for a peer that has ended can be reset", async () => {
      let asked = 0;
      const { servers, clients, server, client } = await pair(() => ++asked > 0);
      client.socket!.end();
      await servers.until("the peer's FIN", () => asked > 0);
      server.socket!.reset();
      await servers.until("close here", () => server.closes.length > 0);
      await clients.until("close at the peer", () => client.closes.length > 0);
      expect([server.closes.length, client.closes.length]).toEqual([1, 1]);
    });

    test("a handler that does not stay for a peer that has ended sees the close alone", async () => {
      let asked = 0;
      const { servers, clients, server, client } = await pair(() => ++asked < 0);
      client.socket!.write(bytes("x"));
      client.socket!.end();
      await servers.until("close", () => server.closes.length > 0);
      expect([asked > 0, server.text, server.closes]).toEqual([true, "x", ["closed"]]);
      await clients.until("close at the peer", () => client.closes.length > 0);
      expect(client.closes).toEqual(["closed"]);
    });

    test("end sends FIN after what was written", async () => {
      const { clients, servers, server, client } = await pair();
      client.socket!.write(bytes("unread by the one who ends"));
      server.socket!.write(bytes("ack"));
      server.socket!.end();
      await clients.until("close at the peer", () => client.closes.length > 0);
      expect(client.text).toBe("ack");
      expect(client.closes).toEqual(["closed"]);
      await servers.until("close here, once the peer has closed too", () => server.closes.length > 0);
      expect(server.closes).toEqual(["closed"]);
    });

    test("reset is a RST: the peer sees reset, not closed", async () => {
      const { clients, servers, server, client } = await pair();
      server.socket!.reset();
      await clients.until("close at the peer", () => client.closes.length > 0);
      // Deno closes a socket with TLS at once, but by a FIN.
      expect(client.closes).toEqual([name === "deno with TLS" ? "closed" : "reset"]);
      await servers.until("close here", () => server.closes.length > 0);
      expect(server.closes).toHaveLength(1);
    });

    test("a reset of the peer closes a paused socket", async () => {
      const { servers, server, client } = await pair();
      server.socket!.pause();
      client.socket!.reset();
      // node:net looks at a paused socket only when it is resumed.
      if (name.startsWith("deno")) server.socket!.resume();
      await servers.until("close", () => server.closes.length > 0);
      expect(server.closes).toEqual([name === "deno with TLS" ? "closed" : "reset"]);
    });

    test("a socket whose peer takes nothing can be ended and reset all the same", async () => {
      const { servers, server, client } = await pair();
      client.socket!.pause();
      const piece = new Uint8Array(1 << 18);
      while (server.socket!.write(piece) === piece.length);
      server.socket!.end();
      expect(server.closes).toEqual([]);
      server.socket!.reset();
      await servers.until("close here", () => server.closes.length > 0);
      expect(server.closes).toHaveLength(1);
    });

    test("every method is safe after close", async () => {
      const { servers, server, client } = await pair();
      client.socket!.end();
      await servers.until("close", () => server.closes.length > 0);
      const socket = server.socket!;
      socket.pause();
      socket.resume();
      socket.end();
      socket.reset();
      expect(socket.write(bytes("x"))).toBe(-1);
      expect(socket.fd).toBe(-1);
      expect(server.closes).toHaveLength(1);
    });

    test("a port that is taken is refused, and says so", async () => {
      const { listener } = await pair();
      const second = sockets.listenTcp("127.0.0.1", listener.port, { reusePort: false, socket: options }, new Ends());
      expect(await rejection(second)).toBe(`Cannot listen on 127.0.0.1:${listener.port}: address already in use`);
    });

    test("a connection nobody takes is refused", async () => {
      const { listener } = await pair();
      listener.stop();
      expect(await rejection(sockets.connectTcp("127.0.0.1", listener.port, new Ends()))).not.toBe("");
    });
  });
}
