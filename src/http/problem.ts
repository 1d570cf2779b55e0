/** Errors as `application/problem+json` (RFC 9457). Every error answer of the gateway is made here. */
import * as v from "valibot";

export const ProblemSchema = v.object({
  type: v.pipe(v.string(), v.description("about:blank: the status says it all")),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  parameter: v.optional(v.pipe(v.string(), v.description("The query parameter that cannot be used"))),
  errors: v.optional(
    v.pipe(
      v.array(v.object({ path: v.pipe(v.string(), v.description("JSON Pointer into the value")), message: v.string() })),
      v.description("What is wrong with a configuration by its schema"),
    ),
  ),
});

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  413: "Request too large",
  421: "Misdirected request",
  422: "Cannot be done",
  426: "Upgrade required",
  429: "Too many requests",
  500: "Internal error",
  503: "Not available now",
};

export interface ProblemMore {
  readonly parameter?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export function problem(status: number, detail: string, more: ProblemMore = {}): Response {
  const { parameter, headers, errors } = more;
  // What is undefined is left out.
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", status, detail, parameter, errors };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}

/** 503 for what is over by itself: the client is told when to come back. */
export const unavailable = (detail: string): Response => problem(503, detail, { headers: { "retry-after": "1" } });
