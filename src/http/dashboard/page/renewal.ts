/** After an outage another gateway may be there: a new process, perhaps with another page. Owned by the page. */
import { byId, setText } from "./element.ts";

/** Takes over the name of the instance; loads the page anew when its program is another one. */
export async function renew(): Promise<void> {
  try {
    const text = await (await fetch("/", { cache: "no-cache" })).text();
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const source = (of: Document): string => of.querySelector("script")?.getAttribute("src") ?? "";
    if (source(fresh) !== source(document)) location.reload();
    else setText(byId("instance"), fresh.querySelector("#instance")?.textContent ?? "");
  } catch {
    // Gone again: the next outage ends with another look.
  }
}
