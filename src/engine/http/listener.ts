/**
 * Where an http thread listens: HTTP, or HTTPS with a certificate that can be renewed. No runtime changes the certificate of a
 * listener, so a new one takes the port over beside the old, which serves the connections it has to their end; what still waits to be accepted by the old one is reset, and comes again. Owned by an http thread.
 */
import type { Settings } from "../../config/settings.ts";
import type { HttpHandler, HttpListener, HttpOptions, Platform } from "../../platform/port.ts";
import { inTime } from "../patience.ts";
import { readTls } from "../tls_files.ts";

type Needs = Pick<Platform, "serveHttp" | "readText">;
type Wish = Pick<Settings, "http" | "tls">;

export class RenewableListener {
  readonly #platform: Needs;
  readonly #wish: Wish;
  readonly #options: HttpOptions;
  readonly #app: HttpHandler;
  /** The newest last. */
  readonly #listeners: HttpListener[] = [];
  #isLate = false;

  private constructor(platform: Needs, wish: Wish, options: HttpOptions, app: HttpHandler) {
    this.#platform = platform;
    this.#wish = wish;
    this.#options = options;
    this.#app = app;
  }

  /** @throws Error when the port or the certificate cannot be had. */
  static async open(platform: Needs, wish: Wish, options: HttpOptions, app: HttpHandler): Promise<RenewableListener> {
    const listener = new RenewableListener(platform, wish, options, app);
    let { port } = wish.http;
    if (wish.tls !== null && !options.reusePort) {
      // One that shares its port would share it with another gateway as well.
      const probe = await platform.serveHttp(wish.http.host, port, { ...options, tls: readTls(platform, wish.tls) }, app);
      port = probe.port;
      await probe.stop(true);
    }
    await listener.#open(port);
    return listener;
  }

  get port(): number {
    return this.#listeners.at(-1)!.port;
  }

  /** Reads the certificate again and goes on with it. @throws Error when it cannot be used: the old one stays. */
  async renew(): Promise<void> {
    const old = [...this.#listeners];
    await this.#open(this.port);
    for (const each of old) {
      void each.stop(false).then(() => {
        const at = this.#listeners.indexOf(each);
        if (at >= 0) this.#listeners.splice(at, 1);
      });
    }
  }

  /** Stops accepting. True when the last connection has ended, at the latest after `patienceMs`. */
  stop(patienceMs: number): Promise<boolean> {
    return this.#stopped(false, patienceMs);
  }

  /** Ends open connections too. Null when that is done, or after `patienceMs` who is still there; nobody is waited for twice. */
  async end(patienceMs: number): Promise<string | null> {
    if (await this.#stopped(true, this.#isLate ? 0 : patienceMs) || this.#isLate) return null;
    this.#isLate = true;
    return `${this.#listeners.reduce((sum, listener) => sum + listener.pending(), 0)} requests and WebSockets`;
  }

  #stopped(now: boolean, patienceMs: number): Promise<boolean> {
    return inTime(Promise.all(this.#listeners.map((listener) => listener.stop(now))), patienceMs);
  }

  async #open(port: number): Promise<void> {
    const tls = readTls(this.#platform, this.#wish.tls);
    const options = { ...this.#options, tls, reusePort: this.#options.reusePort || tls !== null };
    this.#listeners.push(await this.#platform.serveHttp(this.#wish.http.host, port, options, this.#app));
  }
}
