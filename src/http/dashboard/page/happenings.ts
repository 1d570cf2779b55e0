/** What a fleet's keeper wants to know of beside positions: takeovers, conflicts, and whatever the stream had to say about itself. Pure. */
import { faultWords } from "./raw_frames.ts";

interface Origin {
  readonly address?: string;
  readonly port?: number;
}

export interface Happening {
  readonly at: number;
  readonly kind: "takeover" | "conflict" | "refused" | "quarantined" | "gap" | "resync" | "link";
  /** Null: about the stream. */
  readonly device: string | null;
  readonly text: string;
  readonly detail: string;
}

interface Replaced {
  readonly device: string;
  readonly at: number;
  readonly policy?: string;
  readonly origin?: Origin;
  readonly durationMs?: number;
  readonly old?: { readonly origin?: Origin; readonly closing?: boolean; readonly lastByteAt?: number };
}

interface Conflict {
  readonly device: string;
  readonly at: number;
  readonly verdict?: string;
  readonly action?: string;
  readonly alternations?: number;
  readonly origins?: readonly Origin[];
}

interface Refused {
  readonly device?: string;
  readonly id?: string;
  readonly at: number;
  readonly count?: number;
  readonly reason?: string;
  readonly origin?: Origin;
}

interface Quarantined {
  readonly device: string;
  readonly at: number;
  readonly reason?: string;
  readonly bytes?: number;
}

const where = (origin: Origin | undefined): string => {
  const { address = "?", port = 0 } = origin ?? {};
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
};

const seconds = (ms: number): string => (ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`);

const named = (word: string | undefined): string => (word ?? "unknown").replaceAll("_", " ");

function takeover({ device, at, policy, origin, old, durationMs }: Replaced): Happening {
  const silent = old?.lastByteAt === undefined ? [] : [`old one silent for ${seconds(at - old.lastByteAt)}`];
  const held = durationMs === undefined ? [] : [`held ${seconds(durationMs)}`];
  const closing = old?.closing === true ? ["was closing"] : [];
  return {
    at,
    kind: "takeover",
    device,
    text: `${where(old?.origin)} → ${where(origin)}`,
    detail: [named(policy), ...silent, ...held, ...closing].join(", "),
  };
}

function conflict({ device, at, verdict, action, alternations, origins = [] }: Conflict): Happening {
  return {
    at,
    kind: "conflict",
    device,
    text: `Identity conflict: ${named(verdict)}`,
    detail: `${origins.map(where).join(" and ")}, ${alternations ?? 0} alternations; ${named(action)}`,
  };
}

function refused({ device, id, at, count = 1, reason, origin }: Refused): Happening {
  return { at, kind: "refused", device: device ?? id ?? null, text: `Refused ${count} ×: ${named(reason)}`, detail: where(origin) };
}

/** Told once, however often the device sends it. */
function quarantined({ device, at, reason, bytes = 0 }: Quarantined): Happening {
  const words = reason === undefined ? "" : `${faultWords(reason).toLowerCase()}, `;
  return {
    at,
    kind: "quarantined",
    device,
    text: "A frame cannot be decoded",
    detail: `${words}${bytes} bytes; not acknowledged, so the device gets no further until it is released`,
  };
}

/** Null: an event that belongs elsewhere. */
export function happeningOf(kind: string, data: unknown): Happening | null {
  switch (kind) {
    case "replaced":
      return takeover(data as Replaced);
    case "conflict":
      return conflict(data as Conflict);
    case "refused":
      return refused(data as Refused);
    case "quarantined":
      return quarantined(data as Quarantined);
    default:
      return null;
  }
}

export class Happenings {
  /** Newest first. */
  readonly list: Happening[] = [];
  takeovers = 0;
  version = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(one: Happening): void {
    this.list.unshift(one);
    if (this.list.length > this.#most) this.list.pop();
    if (one.kind === "takeover") this.takeovers++;
    this.version++;
  }
}
