/**
 * HTTP while the store cannot even be opened (a full disk at the start): alive, not ready, and why. Stands in on the
 * supervisor's thread for the http threads, which need the store; they take the port over when it opens.
 */
import type { Settings } from "../../config/settings.ts";
import type { HttpListener, Platform } from "../../platform/port.ts";
import { readTls } from "../tls_files.ts";

const RETRY_AFTER_S = "5";
/** Nobody has said who they are: what is where on this machine is for the log. */
const REASON = "the store cannot be opened: the disk is full; the gateway's log says which";

function answer(request: Request): Response {
  if (new URL(request.url).pathname === "/healthz") return Response.json({ status: "ok" });
  const body = { type: "about:blank", title: "Not available now", status: 503, detail: REASON };
  return new Response(JSON.stringify(body), {
    status: 503,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", "retry-after": RETRY_AFTER_S },
  });
}

/** Listens on the HTTP address of the settings. Rejects when it cannot. */
export async function serveWaiting(
  platform: Pick<Platform, "serveHttp" | "readText">,
  settings: Settings,
): Promise<HttpListener> {
  const { http, tls, limits } = settings;
  return await platform.serveHttp(
    http.host,
    http.port,
    { maxBodyBytes: limits.requestBytes, reusePort: false, tls: readTls(platform, tls) },
    answer,
  );
}
