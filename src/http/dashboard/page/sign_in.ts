/** The token of this browser tab, and the form that asks for one when the gateway wants it. Owned by the page. */
import { bearer } from "../../../client/rest.ts";
import { byId, setText } from "./element.ts";

const KEPT = "berth.token";
const LOOK_MS = 2000;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const TOO_MANY = 429;

/** Undefined: none was asked for. It is gone with the tab. */
export const keptToken = (): string | undefined => sessionStorage.getItem(KEPT) ?? undefined;

/** What the gateway says to a token; null: it cannot be asked. */
async function statusOf(token: string | undefined): Promise<number | null> {
  try {
    const response = await fetch("/v1/devices?limit=1", { headers: bearer(token), signal: AbortSignal.timeout(LOOK_MS) });
    await response.body?.cancel();
    return response.status;
  } catch {
    // Not there: the stream tells it, and goes on by itself.
    return null;
  }
}

const WORDS: Readonly<Record<number, string>> = {
  [UNAUTHORIZED]: "The gateway does not know this token, or it was revoked.",
  [FORBIDDEN]: "This token may not see devices: it has neither scope read nor device:ID.",
  [TOO_MANY]: "Too many wrong tokens from this address: wait a minute.",
};

/** Resolves when the gateway lets the page in, by then with the token kept. */
export async function signIn(): Promise<void> {
  let status = await statusOf(keptToken());
  if (status !== null && status in WORDS) {
    sessionStorage.removeItem(KEPT);
    const form = byId("sign-in");
    form.hidden = false;
    byId("token").focus();
    for (let token = await entered(form); status !== null && status in WORDS;) {
      status = await statusOf(token);
      if (status === null || !(status in WORDS)) sessionStorage.setItem(KEPT, token);
      else {
        setText(byId("sign-in-words"), WORDS[status]!);
        token = await entered(form);
      }
    }
    form.hidden = true;
  }
  // What opens without a header would only be refused.
  if (keptToken() !== undefined) document.documentElement.dataset["signedIn"] = "true";
}

/** The gateway has turned the page away: asks again, with nothing of before left on it. */
export function signOut(): void {
  sessionStorage.removeItem(KEPT);
  location.reload();
}

export const isTurnedAway = (reason: string): boolean => new RegExp(`(?:^| answered )${UNAUTHORIZED} `).test(reason);

function entered(form: HTMLElement): Promise<string> {
  const input = byId("token") as HTMLInputElement;
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = input.value.trim();
      input.value = "";
      resolve(token);
    }, { once: true });
  });
}
