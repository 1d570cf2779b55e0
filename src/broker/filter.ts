/**
 * What a subscriber wants to see: devices, application channels and kinds of events; markers (gap, resync, bye) always pass.
 * A message is of a channel and of no device, everything else is of a device or of nobody and of no channel. Pure; owned by an
 * http thread. Two subscribers with the same `key` get the same bytes.
 */
import { spelled } from "../base/identity.ts";
import { err, ok, type Result } from "../base/result.ts";
import { CHANNEL_MAX, CHANNELS_ALLOWED, parseChannel } from "./channel.ts";

export interface Filter {
  /** Null: every device. */
  readonly devices: ReadonlySet<string> | null;
  /** Null: the messages of every channel. */
  readonly channels: ReadonlySet<string> | null;
  /** Null: every kind. */
  readonly kinds: ReadonlySet<string> | null;
  readonly key: string;
}

export const EVERYTHING: Filter = { devices: null, channels: null, kinds: null, key: "" };

export interface FilterText {
  /** Each may be a comma-separated list. */
  readonly device: readonly string[];
  readonly kind: readonly string[];
  readonly channel: readonly string[];
}

const DEVICE = /^[\x21-\x7e]{1,64}$/;
const DEVICES_MAX = 256;
const MARKERS = ["gap", "resync", "bye"];

/** Reads the filter parameters of a subscription; see channel.ts for what a channel is. `kinds` are those that exist. */
export function parseFilter(text: FilterText, kinds: readonly string[]): Result<Filter, "device" | "kind" | "channel"> {
  const devices = new Set<string>(split(text.device).map(spelled));
  const named = split(text.channel);
  const channels = new Set<string>();
  let all = devices.size === 0 && named.length === 0;
  for (const name of named) {
    const channel = parseChannel(name);
    if (channel === null) return err("channel", `unknown channel "${name.slice(0, CHANNEL_MAX)}": expected ${CHANNELS_ALLOWED}`);
    if (channel.kind === "devices") all = devices.size === 0;
    else if (channel.kind === "device") devices.add(spelled(channel.device));
    else channels.add(name);
  }
  for (const device of devices) {
    if (!DEVICE.test(device)) {
      return err("device", `"${device}" is no device id: expected 1 to 64 printable ASCII characters without spaces`);
    }
  }
  if (devices.size > DEVICES_MAX) return err("device", `${devices.size} devices exceed ${DEVICES_MAX}`);
  if (channels.size > DEVICES_MAX) return err("channel", `${channels.size} channels exceed ${DEVICES_MAX}`);
  const wanted = new Set(split(text.kind));
  for (const kind of wanted) {
    if (!kinds.includes(kind) && !MARKERS.includes(kind)) return err("kind", `unknown kind "${kind}": expected ${kinds.join(", ")}`);
  }
  const messages = devices.size === 0 && named.length === 0 ? null : [...channels];
  return ok(filterOf(all ? null : [...devices], wanted.size === 0 ? null : [...wanted], messages));
}

/** `channels`: application channels; left out: all of them to who sees all devices, else none. */
export function filterOf(
  devices: readonly string[] | null,
  kinds: readonly string[] | null,
  channels: readonly string[] | null = devices === null ? null : [],
): Filter {
  if (devices === null && kinds === null && channels === null) return EVERYTHING;
  // A blank is in no id, no kind and no channel, "*" may be an id: a filter of that one is not the filter of all.
  const key = [devices, kinds, channels].map((names) => names === null ? " " : names.toSorted().join(",")).join(" ");
  const setOf = (names: readonly string[] | null): ReadonlySet<string> | null => (names === null ? null : new Set(names));
  return { devices: setOf(devices), kinds: setOf(kinds), channels: setOf(channels), key };
}

/** `channel`: of a message, else "". */
export function matches(filter: Filter, device: string, kind: string, channel = ""): boolean {
  if (filter.kinds !== null && !filter.kinds.has(kind)) return false;
  if (channel !== "") return filter.channels === null || filter.channels.has(channel);
  return filter.devices === null || filter.devices.has(device);
}

const split = (values: readonly string[]): string[] => values.flatMap((value) => value.split(",")).filter((value) => value !== "");
