/**
 * What a subscriber wants to see: devices and kinds of events; markers (gap, resync, bye) always pass. Pure; owned by an
 * http thread. Two subscribers with the same `key` get the same bytes.
 */
import { err, ok, type Result } from "../base/result.ts";

export interface Filter {
  /** Null: every device. */
  readonly devices: ReadonlySet<string> | null;
  /** Null: every kind. */
  readonly kinds: ReadonlySet<string> | null;
  readonly key: string;
}

export const EVERYTHING: Filter = { devices: null, kinds: null, key: "" };

export interface FilterText {
  /** Each may be a comma-separated list. */
  readonly device: readonly string[];
  readonly kind: readonly string[];
  readonly channel: readonly string[];
}

const DEVICE = /^[\x21-\x7e]{1,64}$/;
const DEVICES_MAX = 256;
const MARKERS = ["gap", "resync", "bye"];

/**
 * Reads the filter parameters of a subscription. Channels are another name for devices: `devices` is all of them,
 * `device.ID` is one; `app.NAME` belongs to publishing, which does not exist yet. `kinds` are those that exist.
 */
export function parseFilter(
  text: FilterText,
  kinds: readonly string[],
): Result<Filter, "device" | "kind" | "channel" | "channel_not_built"> {
  const devices = new Set(split(text.device));
  let all = devices.size === 0 && text.channel.length === 0;
  for (const channel of split(text.channel)) {
    if (channel === "devices") all = devices.size === 0;
    else if (channel.startsWith("device.")) devices.add(channel.slice("device.".length));
    else if (channel.startsWith("app.")) return err("channel_not_built", `channel "${channel}" is not built yet`);
    else return err("channel", `unknown channel "${channel}": expected devices or device.ID`);
  }
  for (const device of devices) {
    if (!DEVICE.test(device)) {
      return err("device", `"${device}" is no device id: expected 1 to 64 printable ASCII characters without spaces`);
    }
  }
  if (devices.size > DEVICES_MAX) return err("device", `${devices.size} devices exceed ${DEVICES_MAX}`);
  const wanted = new Set(split(text.kind));
  for (const kind of wanted) {
    if (!kinds.includes(kind) && !MARKERS.includes(kind)) return err("kind", `unknown kind "${kind}": expected ${kinds.join(", ")}`);
  }
  return ok(filterOf(all ? null : [...devices], wanted.size === 0 ? null : [...wanted]));
}

export function filterOf(devices: readonly string[] | null, kinds: readonly string[] | null): Filter {
  if (devices === null && kinds === null) return EVERYTHING;
  // A blank is in no id and in no kind, "*" may be an id: a filter of that one is not the filter of all.
  const key = `${devices === null ? " " : devices.toSorted().join(",")} ${kinds === null ? " " : kinds.toSorted().join(",")}`;
  return { devices: devices === null ? null : new Set(devices), kinds: kinds === null ? null : new Set(kinds), key };
}

export const matches = (filter: Filter, device: string, kind: string): boolean =>
  (filter.devices === null || filter.devices.has(device)) && (filter.kinds === null || filter.kinds.has(kind));

const split = (values: readonly string[]): string[] => values.flatMap((value) => value.split(",")).filter((value) => value !== "");
