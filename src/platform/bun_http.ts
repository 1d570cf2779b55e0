/** An HTTP listener over Bun.serve. Owned by the thread that opened it. */
import { listening } from "./address.ts";
import { checkTls } from "./node_tls.ts";
import type { HttpHandler, HttpListener, HttpOptions } from "./port.ts";

/** A client that sends or takes nothing for this long is closed. Event streams are exempt: they have their own heartbeat. */
const IDLE_SECONDS = 30;

export function serveBunHttp(
  host: string,
  port: number,
  options: HttpOptions,
  fetch: HttpHandler,
): HttpListener {
  if (options.tls) checkTls(options.tls);
  const server = listening(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      reusePort: options.reusePort,
      maxRequestBodySize: options.maxBodyBytes,
      idleTimeout: IDLE_SECONDS,
      ...(options.tls ? { tls: { ...options.tls } } : {}),
      development: false,
      async fetch(request, self) {
        const peer = self.requestIP(request);
        const response = await fetch(request, { address: peer?.address ?? "", port: peer?.port ?? 0 }, () => self.timeout(request, 1));
        if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) self.timeout(request, 0);
        return response;
      },
    }));
  return { port: server.port ?? port, stop: (now) => server.stop(now) };
}
