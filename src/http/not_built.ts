/** Routes of the interface that come later: refused by name, never accepted and ignored. Rows go as the routes come. */
import type { Hono } from "hono";
import { problem } from "./problem.ts";

/** `METHOD path`, with parameters as in the interface. */
export const NOT_BUILT = [
  "POST /v1/publish",
  "GET /v1/ws",
] as const;

/** The route's path as the router spells it. */
export const routerPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

export function serveNotBuilt(app: Hono): void {
  for (const route of NOT_BUILT) {
    const [method, path] = route.split(" ") as [string, string];
    app.on(method, routerPath(path), () => problem(501, `${route} is not built yet`));
  }
}
