/** The answer of an http thread when another one does not answer it. Http thread. */

/** Another thread did not answer in time: 503 with Retry-After. */
export interface Busy {
  readonly kind: "busy";
  readonly reason: string;
}
