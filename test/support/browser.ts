/** A real browser for the dashboard's tests: the system's Chromium, headless, with everything it asked for and said. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The system's Chromium, or null. `BERTH_CHROMIUM` names another one. */
export function browserPath(): string | null {
  const named = process.env["BERTH_CHROMIUM"];
  if (named !== undefined && named !== "") return named;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return null;
}

let running: Browser | null = null;

async function browser(): Promise<Browser> {
  running ??= await chromium.launch({
    executablePath: browserPath()!,
    // Its sandbox cannot be had as root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return running;
}

/** For afterAll. */
export async function endBrowser(): Promise<void> {
  await running?.close();
  running = null;
}

/** The facts the page tells of itself on its root element. */
export type Facts = Readonly<
  Record<"link" | "events" | "seq" | "doubled" | "unseen" | "coalesced" | "hydrates" | "losses" | "devices", string>
>;

/** The dashboard, opened. */
export class Dashboard {
  readonly page: Page;
  /** Addresses of every request of the page. */
  readonly requests: string[] = [];
  /** What the page logged as an error, or threw. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("pageerror", (error) => this.errors.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.errors.push(message.text());
    });
  }

  /** `before`: what to set up before the page is asked for. */
  static async open(url: string, options: BrowserContextOptions = {}, before?: (page: Page) => Promise<void>): Promise<Dashboard> {
    const page = await (await (await browser()).newContext(options)).newPage();
    const dashboard = new Dashboard(page);
    await before?.(page);
    await page.goto(url);
    return dashboard;
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  facts(): Promise<Facts> {
    return this.page.evaluate("({...document.documentElement.dataset})");
  }

  /** Waits until the page says this of itself. */
  async fact(name: keyof Facts, value: string, timeoutMs = 20_000): Promise<void> {
    await this.until(`document.documentElement.dataset[${JSON.stringify(name)}] === ${JSON.stringify(value)}`, timeoutMs);
  }

  /** Waits until the row of a device shows so many records. */
  async records(device: string, count: number, timeoutMs = 20_000): Promise<void> {
    await this.until(`document.querySelector('[data-device="${device}"]')?.dataset.records === "${count}"`, timeoutMs);
  }

  /** Waits until the expression is true in the page; it is asked in each animation frame. @throws Error with it when it never is. */
  async until(expression: string, timeoutMs = 20_000): Promise<void> {
    // Not waitForFunction: that needs `eval`, which the page's policy forbids.
    const seen = await this.page.evaluate<boolean>(`new Promise((resolve) => {
      const deadline = performance.now() + ${timeoutMs};
      const look = () => {
        if (${expression}) resolve(true);
        else if (performance.now() > deadline) resolve(false);
        else requestAnimationFrame(look);
      };
      look();
    })`);
    if (!seen) throw new Error(`Cannot see in ${timeoutMs} ms: ${expression}; ${JSON.stringify(await this.facts())}`);
  }

  /** The page gets no stream of events until what this resolves with is called: what comes meanwhile is no moving target for it. */
  async withoutStream(): Promise<() => Promise<void>> {
    const streams = "**/v1/events*";
    await this.page.route(streams, (route) => route.abort("connectionrefused"));
    return () => this.page.unroute(streams);
  }

  /** Records by device, as the rows in sight have them. */
  rows(): Promise<Readonly<Record<string, number>>> {
    return this.page.evaluate(
      "Object.fromEntries([...document.querySelectorAll('#row-space .row:not([hidden])')].map((row) => [row.dataset.device, Number(row.dataset.records)]))",
    );
  }
}
