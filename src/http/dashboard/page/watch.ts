/** Asks /metrics and /readyz again and again, more seldom while nobody looks. Owned by the page. */
import { bearer, problemText } from "../../../client/rest.ts";
import type { Readiness } from "./bar.ts";
import { parseMetrics, type Sample } from "./metrics.ts";
import { keptToken } from "./sign_in.ts";

const LOOK_MS = 1000;
const HIDDEN_LOOK_MS = 10_000;
const ANSWER_MS = 5000;
const OK = 200;

export interface Watched {
  /** Null: the gateway could not be asked. `gatewayMs`: its clock, to a second; NaN when it did not say. */
  looked(sample: Sample | null, readiness: Readiness, gatewayMs: number): void;
}

async function look(watched: Watched): Promise<void> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const headers = bearer(keptToken());
    const [metrics, ready] = await Promise.all([fetch("/metrics", { signal, headers }), fetch("/readyz", { signal, headers })]);
    const readiness = { ready: ready.ok, reason: ready.ok ? "" : (await problemText(ready)).replace(/^503 /, "") };
    const gatewayMs = Date.parse(metrics.headers.get("date") ?? "");
    watched.looked(metrics.status === OK ? parseMetrics(await metrics.text()) : null, readiness, gatewayMs);
  } catch {
    // Not there: the stream says why.
    watched.looked(null, null, Number.NaN);
  }
}

export function watch(watched: Watched): void {
  const again = (): void => void look(watched).then(() => setTimeout(again, document.hidden ? HIDDEN_LOOK_MS : LOOK_MS));
  again();
}
