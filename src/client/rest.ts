/** Asks a running gateway over HTTP. Used by the command line's verbs; runs on any thread with an event loop. */
import { err, ok, type Result } from "../base/result.ts";

/** `unreachable`: no answer. `refused`: an answer that is not 2xx. `odd`: a 2xx that is not JSON. */
export type RestFault = "unreachable" | "refused" | "odd";

const ANSWER_MS = 15_000;

/** The address of a gateway as a person wrote it, without what a path would be glued to; null when it is no HTTP address. */
export function gatewayUrl(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  return text.replace(/\/+$/, "");
}

const SAID: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  ConnectionClosed: "the connection was closed",
  ECONNRESET: "the connection was closed",
  FailedToOpenSocket: "no such host, or no way to it",
  ENOTFOUND: "no such host",
  EHOSTUNREACH: "no way to that host",
  ENETUNREACH: "no way to that host",
  ETIMEDOUT: "no answer in time",
  TimeoutError: "no answer in time",
};

/** What went wrong with a request, in a few words: runtimes differ in theirs. */
export function reasonOf(error: unknown): string {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  return SAID[String(code)] ?? SAID[String(name)] ?? String(message ?? error);
}

/** What a problem+json body, or any other, says in one line. */
export async function problemText(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { title, detail } = JSON.parse(text) as { title?: string; detail?: string };
    return `${response.status} ${detail ?? title ?? response.statusText}`.trim();
  } catch {
    return `${response.status} ${response.statusText || text.slice(0, 200)}`.trim();
  }
}

/** The header a token goes in. */
export const bearer = (
  token: string | undefined,
): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` });

interface Asked {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: object | null;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves with an answer that is 2xx, its body not read yet. `path` begins with `/` and may have a query. */
export async function request(url: string, path: string, { method, body, token, signal }: Asked): Promise<Result<Response, RestFault>> {
  const sent = body === null || body === undefined ? null : JSON.stringify(body);
  const headers = { accept: "application/json", ...bearer(token), ...(sent === null ? {} : { "content-type": "application/json" }) };
  let response: Response;
  try {
    response = await fetch(url + path, {
      method,
      headers,
      signal: signal ?? AbortSignal.timeout(ANSWER_MS),
      ...(sent === null ? {} : { body: sent }),
    });
  } catch (error) {
    return err("unreachable", `Cannot reach ${url}: ${reasonOf(error)}`);
  }
  return response.ok ? ok(response) : err("refused", `${url}${path} answered ${await problemText(response)}`);
}

/** The JSON of an answer that is 2xx. */
export async function requestJson(url: string, path: string, asked: Asked): Promise<Result<unknown, RestFault>> {
  const answer = await request(url, path, asked);
  if (!answer.ok) return answer;
  try {
    return ok(await answer.value.json());
  } catch (error) {
    return err("odd", `${url}${path} did not answer JSON: ${reasonOf(error)}`);
  }
}

export const getJson = (url: string, path: string, token?: string): Promise<Result<unknown, RestFault>> =>
  requestJson(url, path, { method: "GET", token });

/** Posts JSON, or nothing at all. `signal` ends the request. */
export const post = (
  url: string,
  path: string,
  body: object | null,
  signal?: AbortSignal,
  token?: string,
): Promise<Result<Response, RestFault>> => request(url, path, { method: "POST", body, signal, token });
