/** What the gateway says of a device's frames: those it stored, and those that could not be decoded; and their words. Pure. */

/** A stored frame as `GET /v1/devices/{id}/frames` gives it. */
export interface StoredFrame {
  readonly seq: number;
  readonly receivedAt: number;
  readonly codec: string;
  readonly records: number;
  readonly new: number;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly hex: string;
  readonly unfenced?: boolean;
  readonly quarantined?: boolean;
  readonly redecoded?: boolean;
}

/** A frame kept raw as `GET /v1/quarantine` gives it. */
export interface KeptFrame {
  readonly id: number;
  readonly codec: string;
  readonly fault: string;
  readonly offset: number | null;
  readonly decodes: number | null;
  readonly bytes: number;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly releasedAt: number | null;
  readonly replay: { readonly at: number; readonly records: number; readonly stored: number } | null;
  readonly origin: { readonly address: string; readonly port: number } | null;
  readonly hex?: string;
}

export interface BadFrame {
  readonly at: number;
  readonly bytes: number;
  readonly hex?: string;
}

export interface FramePage {
  readonly frames: readonly StoredFrame[];
  readonly next: string | null;
}
export interface KeptPage {
  readonly frames: readonly KeptFrame[];
  readonly badCrc: readonly BadFrame[];
}

const listOf = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : [];

/** What the gateway answered; one that is older or newer may leave things out. */
export function framePage(answer: unknown): FramePage {
  const { frames, next } = (answer ?? {}) as { readonly frames?: unknown; readonly next?: unknown };
  return { frames: listOf(frames) as readonly StoredFrame[], next: typeof next === "string" ? next : null };
}
export function keptPage(answer: unknown): KeptPage {
  const { frames, badCrc } = (answer ?? {}) as { readonly frames?: unknown; readonly badCrc?: unknown };
  return { frames: listOf(frames) as readonly KeptFrame[], badCrc: listOf(badCrc) as readonly BadFrame[] };
}

/** The devices in the answer, each once, newest frame first. `isAll`: there are no more. */
export function heldDevices(answer: unknown): { readonly devices: readonly string[]; readonly isAll: boolean } {
  const { frames, next } = (answer ?? {}) as { readonly frames?: unknown; readonly next?: unknown };
  const devices = listOf(frames).map((one) => (one as { readonly device?: unknown }).device);
  return { devices: [...new Set(devices.filter((id) => typeof id === "string"))], isAll: typeof next !== "string" };
}

/** Does it stand in the device's way? */
export const isHeld = ({ releasedAt, replay }: KeptFrame): boolean => releasedAt === null && (replay === null || replay.records === 0);

const FAULTS: Readonly<Record<string, string>> = {
  unknown_codec: "Unknown codec",
  count_mismatch: "Record counts differ",
  truncated_inside: "A record goes on beyond its end",
  trailing_bytes: "Bytes follow the last record",
  crc_mismatch: "Wrong CRC",
};
export const faultWords = (fault: string): string => FAULTS[fault] ?? fault;

/** What happened to a frame on its way into the journal. */
export function markWords({ records, new: fresh, unfenced, quarantined, redecoded }: StoredFrame): string {
  const words = fresh < records ? [`${fresh} new, the others were stored before`] : [];
  if (redecoded === true) words.push("kept raw, decoded later");
  else if (unfenced === true) words.push("beside the owner");
  if (quarantined === true) words.push("marked");
  return words.join("; ");
}

/** Of the alert above the page; "": nothing stands in the device's way. */
export function heldWords(kept: readonly KeptFrame[]): string {
  const held = kept.filter(isHeld).length;
  if (held === 0) return "";
  return held === 1
    ? "A frame of this device cannot be decoded. It is kept and not acknowledged, so the device sends it again and gets no further."
    : `${held} frames of this device cannot be decoded. They are kept and not acknowledged, so the device sends them again and gets no further.`;
}

/** Without address and path, which are the page's own. */
export const plainFault = (message: string): string => message.replace(/^\S+ answered (\d+) /, "$1: ").replace(/^Cannot reach \S+: /, "");
