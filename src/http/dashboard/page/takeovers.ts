/** Takeovers of one device as `GET /v1/devices/{id}/history` gives them, and what they say in words. Pure. */
import { latency, span } from "./words.ts";

interface Origin {
  readonly address: string;
  readonly port: number;
  readonly clientInstance: string | null;
}

interface Kernel {
  readonly lastAckAt: number;
  readonly rttMs: number;
  readonly retransmits: number;
}

export interface Takeover {
  readonly at: number;
  readonly policy: string;
  readonly reason: string;
  readonly old: {
    readonly fence: number;
    readonly origin: Origin;
    readonly since: number;
    readonly lastByteAt: number;
    readonly records: number;
  };
  readonly new: { readonly fence: number; readonly origin: Origin };
  readonly evidence: {
    readonly oldInFlight: number;
    readonly silentMs: number;
    readonly oldKernel: Kernel | null;
    readonly answered: boolean | null;
    readonly bytesAfter: boolean | null;
    readonly verdict: string | null;
  };
}

/** What the gateway answered; one that is older or newer may leave things out. */
export function takeoversIn(answer: unknown): readonly Takeover[] {
  const { takeovers } = (answer ?? {}) as { readonly takeovers?: unknown };
  return Array.isArray(takeovers) ? takeovers as Takeover[] : [];
}

/** Whether it may still become known what happened to the old connection. */
export const isOpen = ({ evidence }: Takeover): boolean => evidence.answered === null && evidence.bytesAfter === null;

export function whereOf({ address, port, clientInstance }: Origin): string {
  const place = address === "" ? "–" : `${address.includes(":") ? `[${address}]` : address}:${port}`;
  return clientInstance === null ? place : `${clientInstance} at ${place}`;
}

const REASONS: Readonly<Record<string, string>> = {
  superseded: "A newer connection logged in",
  old_was_closing: "The old connection was closing already",
  probe_silent: "The old connection did not answer a probe",
  choice_late: "The other side chose none in time",
};

export const reasonWords = (reason: string): string => REASONS[reason] ?? reason.replaceAll("_", " ");

export const VERDICTS: Readonly<Record<string, string>> = {
  clone: "two live devices",
  nat_rebind: "same device behind a new address",
  flaky_link: "flaky link",
  restart_loop: "device restarts again and again",
};

/** "0.4 s", "12 s", "3 min". */
export const precise = (ms: number): string => (ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : span(ms));

/** How dead the old connection was, as far as anybody can tell. */
export function aliveWords({ evidence: { answered, bytesAfter } }: Takeover): string {
  if (bytesAfter === true) return "sent bytes afterwards: it was alive";
  if (answered === true) return "its host answered afterwards: the peer was still there";
  if (answered === false) return "never heard again: it was a zombie";
  return "not known yet whether it still lived";
}

/** What is known of the old connection at that moment, a line each. */
export function evidenceLines(one: Takeover): readonly (readonly [string, string])[] {
  const { silentMs, oldInFlight, oldKernel } = one.evidence;
  const kernel = oldKernel === null
    ? "could not be asked"
    : `peer last acknowledged ${precise(one.at - oldKernel.lastAckAt)} before, round trip ${latency(oldKernel.rttMs / 1000)}, ${
      oldKernel.retransmits === 1 ? "1 retransmit" : `${oldKernel.retransmits} retransmits`
    }`;
  return [
    ["Silent", `for ${precise(silentMs)} when it lost the device`],
    ["In flight", oldInFlight === 1 ? "1 frame without a verdict" : `${oldInFlight} frames without a verdict`],
    ["Kernel", kernel],
    ["Afterwards", aliveWords(one)],
  ];
}
