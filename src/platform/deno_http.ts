/** An HTTP listener over Deno.serve. Owned by the thread that opened it. */
import type { HttpHandler, HttpListener } from "./port.ts";

/** The part of Deno this file uses: its types are not there when the rest is checked. */
interface DenoServe {
  serve(
    options: { hostname: string; port: number; reusePort: boolean; signal: AbortSignal; onListen: () => void },
    handler: (request: Request, info: { remoteAddr: { hostname: string; port: number } }) => Response | Promise<Response>,
  ): { readonly addr: { port: number }; shutdown(): Promise<void> };
}

export function serveDenoHttp(
  host: string,
  port: number,
  options: { maxBodyBytes: number; reusePort: boolean },
  fetch: HttpHandler,
): Promise<HttpListener> {
  const { Deno } = globalThis as unknown as { Deno: DenoServe };
  const abort = new AbortController();
  const server = Deno.serve(
    { hostname: host, port, reusePort: options.reusePort, signal: abort.signal, onListen: () => {} },
    (request, info) => {
      if (Number(request.headers.get("content-length") ?? 0) > options.maxBodyBytes) {
        return new Response("Request body is too large", {
          status: 413,
        });
      }
      // Deno has no hold on one connection: a stalled one ends with its kernel's timeout.
      return fetch(request, { address: info.remoteAddr.hostname, port: info.remoteAddr.port }, () => {});
    },
  );
  return Promise.resolve({
    port: server.addr.port,
    async stop(now) {
      if (now) abort.abort();
      else await server.shutdown();
    },
  });
}
