/** Where the reader goes: by a link, by the page itself, or back and forth through what they saw. Owned by the page. */
import { type Route, routeOf } from "./route.ts";

/** Tells where they are, and wherever they go then. */
export function watchRoute(went: (route: Route) => void): void {
  addEventListener("hashchange", () => went(routeOf(location.hash)));
  went(routeOf(location.hash));
}

export function go(hash: string): void {
  location.hash = hash;
}
