/**
 * GET / and the files of the dashboard. They are bundled from `page/` into page.json, which is part of the executable, so
 * that nothing is read from disk and nothing is fetched from elsewhere. Owned by an http thread.
 */
import type { Context, Hono } from "hono";
import { VERSION } from "../../base/version.ts";
import { NoQuery } from "../devices.ts";
import type { Gateway } from "../gateway.ts";
import { strictQuery } from "../query.ts";
import page from "./page.json" with { type: "json" };

/** Nothing from anywhere else, and nobody's frame. */
const POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS = { "content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };
/** A file's name has its hash: what it names never changes. */
const FOREVER = "public, max-age=31536000, immutable";
const DEFAULT_TCP_PORT = 5027;

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character]!);

/** One thing to serve, compressed when it is first asked for. */
class Asset {
  readonly #type: string;
  readonly #etag: string;
  readonly #cache: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #zipped: Promise<ArrayBuffer> | null = null;

  constructor(text: string, type: string, etag: string, cache: string) {
    this.#bytes = new TextEncoder().encode(text);
    this.#type = type;
    this.#etag = `"${etag}"`;
    this.#cache = cache;
  }

  async answer(c: Context): Promise<Response> {
    const headers: Record<string, string> = { ...HEADERS, "cache-control": this.#cache, etag: this.#etag, vary: "accept-encoding" };
    const known = (c.req.header("if-none-match") ?? "").split(",").map((each) => each.trim().replace(/^W\//, ""));
    if (known.includes(this.#etag)) return new Response(null, { status: 304, headers });
    headers["content-type"] = this.#type;
    if (!/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) return new Response(this.#bytes, { headers });
    return new Response(await this.#compressed(), { headers: { ...headers, "content-encoding": "gzip" } });
  }

  #compressed(): Promise<ArrayBuffer> {
    this.#zipped ??= new Response(new Blob([this.#bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
    return this.#zipped;
  }
}

/** The page with what it must know before it asks: its files, this instance, and where trackers connect. */
function frontPage(gateway: Gateway): string {
  const { host, port } = gateway.settings.tcp;
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const known: Readonly<Record<string, string>> = {
    STYLE: page.style.path,
    SCRIPT: page.script.path,
    ICON: page.icon.path,
    INSTANCE: gateway.instance,
    VERSION,
    TCP: port === 0 ? "the TCP port of the ready line" : `TCP port ${port} of this machine`,
    TARGET: port === DEFAULT_TCP_PORT ? "" : ` ${reachable}:${port === 0 ? "PORT" : port}`,
  };
  return page.html.replaceAll(/%([A-Z]+)%/g, (whole, name: string) => escape(known[name] ?? whole));
}

export function serveDashboard(app: Hono, gateway: Gateway): void {
  const { host, port } = gateway.settings.tcp;
  const etag = [page.hash, VERSION, gateway.instance, host, port].map(encodeURIComponent).join(".");
  const front = new Asset(frontPage(gateway), "text/html; charset=utf-8", etag, "no-cache");
  app.get("/", strictQuery(NoQuery), (c) => front.answer(c));
  for (const { path, type, text, hash } of [page.style, page.script, page.icon]) {
    const asset = new Asset(text, type, hash, FOREVER);
    app.get(path, (c) => asset.answer(c));
  }
}
