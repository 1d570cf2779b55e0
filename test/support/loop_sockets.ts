/** The port's stream sockets, with those of a blocking thread on the listening side: they are looked at every millisecond here. */
import type { Peer, Platform, TcpListener } from "../../src/platform/port.ts";

type Sockets = Pick<Platform, "listenTcp" | "connectTcp">;

export const loopSockets = (platform: Platform): Sockets => ({
  connectTcp: (host, port, handler) => platform.connectTcp(host, port, handler),
  listenTcp: (host, port, options, handler): Promise<TcpListener> => {
    // A promise, as from every other implementation, when it throws too.
    return Promise.resolve().then(() => {
      const acceptor = platform.acceptor!(host, port, options.socket);
      const loop = platform.socketLoop!();
      const turning = setInterval(() => {
        while (acceptor.poll(0)) {
          const next = acceptor.accept() as { fd: number; peer: Peer };
          loop.adopt(next.fd, next.peer, handler);
        }
        if (loop.wait(0)) loop.serve();
      }, 1);
      let stopped = false;
      const stop = (): void => {
        if (stopped) return;
        stopped = true;
        clearInterval(turning);
        acceptor.stop();
        loop.close();
      };
      return { port: acceptor.port, stop };
    });
  },
});
