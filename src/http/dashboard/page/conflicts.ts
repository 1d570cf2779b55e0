/** Identity conflicts that nobody has acknowledged, as `GET /v1/conflicts` gives them, and their words. Pure. */

interface Origin {
  readonly address?: string;
  readonly port?: number;
  readonly clientInstance?: string | null;
  readonly codec?: string | null;
}

interface Evidence {
  readonly differ?: readonly string[];
  readonly movement?: { readonly km?: number; readonly seconds?: number } | null;
}

export interface Conflict {
  readonly id: string;
  readonly device: string;
  readonly action?: string;
  readonly takeovers?: number;
  readonly windowMs?: number;
  readonly evidence?: Evidence | null;
  readonly origins?: readonly Origin[];
}

const SECOND = 1000;

/** What the gateway answered; one that is older or newer may leave things out. */
export function conflictsIn(answer: unknown): readonly Conflict[] {
  const { conflicts } = (answer ?? {}) as { readonly conflicts?: unknown };
  return Array.isArray(conflicts) ? conflicts as Conflict[] : [];
}

const where = ({ address = "?", port = 0, clientInstance, codec }: Origin): string => {
  const sent = codec === null || codec === undefined ? "" : ` (codec ${codec})`;
  const place = `${address.includes(":") ? `[${address}]` : address}:${port}${sent}`;
  return clientInstance === null || clientInstance === undefined ? place : `${clientInstance} at ${place}`;
};

const DONE: Readonly<Record<string, string>> = {
  hold: " The present one keeps it.",
  quarantine: " What they send is marked.",
};

/** What cannot be seen of the two addresses. */
const DIFFERENCES: Readonly<Record<string, string>> = { client_instance: "instance", tls: "TLS", codec: "codec" };

/** What follows the device's name. */
export function conflictWords({ action, takeovers, windowMs, evidence, origins = [] }: Conflict): string {
  const between = origins.length === 0 ? "" : `, ${origins.map(where).join(" and ")}`;
  const often = takeovers === undefined || windowMs === undefined
    ? ""
    : `: ${takeovers} takeovers within ${Math.round(windowMs / SECOND)} s`;
  const { km, seconds } = evidence?.movement ?? {};
  const moved = km === undefined || seconds === undefined ? "" : ` One would have moved ${km} km in ${seconds} s.`;
  const differ = (evidence?.differ ?? []).flatMap((name) => DIFFERENCES[name] ?? []);
  const told = differ.length === 0 ? "" : ` They differ in ${differ.join(" and ")}.`;
  return `is used by two live devices${between}${often}.${told}${moved}${DONE[action ?? ""] ?? ""}`;
}
