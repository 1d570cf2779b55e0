/**
 * Every metric: its name, help, type and closed label set, and the slot of each label value in the counter block.
 * `slot(name, label)` is resolved once at a loop's start, never on a hot path.
 */
import { ACCESS_REFUSALS } from "../access/refusal.ts";
import { assert } from "../base/assert.ts";
import { MAX_HTTP_THREADS } from "../wire/board.ts";
import { COMMAND_STATES } from "../wire/command.ts";
import { CONFIG_STATES } from "../wire/config_push.ts";
import { ACCEPT_REFUSALS } from "../wire/accept_refusal.ts";
import { UDP_OUTCOMES } from "../wire/udp_outcome.ts";
import { DIAL_OUTCOMES, GREETING_FAULTS } from "../wire/peer_line.ts";
import { FRAME_FAULTS } from "../wire/frame_message.ts";
import { END_REASONS, POLICIES, REFUSALS, VERDICTS } from "../wire/control.ts";

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Label names; values are closed sets. */
  readonly labels: readonly string[];
  /** Every combination of label values, joined with `,`. [""] when there are no labels. */
  readonly values: readonly string[];
  /** Upper bounds of a histogram, in the metric's unit. */
  readonly buckets: readonly number[];
}

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SIZES = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536];

const counter = (name: string, help: string, labels: readonly string[] = [], values: readonly string[] = [""]): Metric => ({
  name,
  help,
  type: "counter",
  labels,
  values,
  buckets: [],
});
const gauge = (name: string, help: string, labels: readonly string[] = [], values: readonly string[] = [""]): Metric => ({
  name,
  help,
  type: "gauge",
  labels,
  values,
  buckets: [],
});
const histogram = (name: string, help: string, buckets: readonly number[]): Metric => ({
  name,
  help,
  type: "histogram",
  labels: [],
  values: [""],
  buckets,
});
const cross = (a: readonly string[], b: readonly string[]): string[] => a.flatMap((x) => b.map((y) => `${x},${y}`));

// deno-fmt-ignore: a table, one row a line.
export const METRICS = [
  gauge("berth_connections", "Live device connections that are logged in."),
  gauge("berth_sockets", "Open device sockets, logged in or not."),
  counter("berth_accepted_total", "Device sockets accepted."),
  counter("berth_closed_total", "Device sockets closed, by reason.", ["reason"], END_REASONS),
  counter("berth_accept_refused_total", "Device sockets closed as they came, by cause.", ["cause"], ACCEPT_REFUSALS),
  counter("berth_accept_pauses_total", "Times accepting paused because descriptors ran out."),
  counter("berth_logins_total", "Logins, by outcome.", ["outcome"], ["accepted", ...REFUSALS.slice(1), "timeout"]),
  counter("berth_takeovers_total", "Takeovers, by policy and outcome.", ["policy", "outcome"], cross(POLICIES, ["admitted", "refused"])),
  counter("berth_conflicts_total", "Identity conflicts told: two live devices with one identity."),
  counter("berth_commands_total", "Commands to devices that came into a state. queued: accepted, or back because nothing of it could be written; the last five are ends.", ["state"], COMMAND_STATES),
  counter("berth_configs_total", "Versions of device configurations that came into a state.", ["state"], CONFIG_STATES),
  counter("berth_takeover_verdicts_total", "Takeovers of a live holder that were understood, by verdict.", ["verdict"], VERDICTS.slice(1)),
  counter("berth_probes_total", "Holders asked whether their peer answers, before a newcomer is refused."),
  counter("berth_probe_results_total", "Probes of a holder, by outcome; ended: it closed meanwhile; assumed: its kernel cannot be asked, and it was heard within the idle timeout.", ["outcome"], ["answered", "silent", "ended", "assumed"]),
  counter("berth_evicted_peers_total", "Evicted connections that are gone, by whether their peer's stack was heard after the eviction.", ["stack"], ["answered", "silent"]),
  gauge("berth_waiting", "Newcomers waiting for a probe or for the other side's choice."),
  counter("berth_evictions_total", "Connections evicted, by reason.", ["reason"], END_REASONS),
  gauge("berth_udp_senders", "Devices heard over UDP within the idle time, one for each address they send from."),
  counter("berth_udp_packets_total", "Packets of the UDP channel, by what became of them. partly: the records at the beginning were kept and acknowledged; rate: a datagram beyond the rate of its address; all but answered and partly are met with silence.", ["outcome"], UDP_OUTCOMES),
  gauge("berth_peer_sockets", "Open connections to and from other gateways."),
  counter("berth_dials_total", "Dials to other gateways, by what became of them.", ["outcome"], DIAL_OUTCOMES),
  counter("berth_peer_refusals_total", "Connections of other gateways that were refused here, by cause.", ["cause"], [...GREETING_FAULTS, ...REFUSALS.slice(1)]),
  counter("berth_frames_total", "Frames read, by codec and outcome.", ["codec", "outcome"], cross(["8", "8E", "16", "12", "13", "14", "15", "other"], ["kept", "failed", "refused", "quarantined", "unanswered", "malformed"])),
  counter("berth_bad_frames_total", "Frames that were not valid, by fault.", ["fault"], [...FRAME_FAULTS.slice(1), "bad_preamble", "bad_length", "too_long", "bad_login"]),
  counter("berth_pings_total", "Pings (0xFF) read."),
  counter("berth_records_total", "Records, by outcome.", ["outcome"], ["stored", "duplicate", "quarantined", "refused"]),
  gauge("berth_quarantine_frames", "Frames kept raw that stand in their device's way: neither released nor decoded since. More than 0: somebody should look."),
  gauge("berth_quarantine_bytes", "Bytes of all frames kept raw."),
  counter("berth_quarantine_full_total", "Undecodable frames that found no room and were counted only."),
  counter("berth_records_invalid_total", "Records stored whose values are out of range (kept, marked)."),
  histogram("berth_ack_seconds", "From a frame read to its acknowledgement written.", SECONDS),
  histogram("berth_commit_seconds", "Duration of a commit.", SECONDS),
  histogram("berth_commit_batch_records", "Records in a commit.", SIZES),
  counter("berth_commit_failures_total", "Commits that failed."),
  counter("berth_syncs_total", "Commits brought to the disk, by the thread that synced: the journal's own, or the sync thread while the journal went on.", ["by"], ["journal", "sync"]),
  counter("berth_flush_slices_total", "Slices of runs written."),
  counter("berth_merge_slices_total", "Slices of merges written."),
  counter("berth_interval_joins_total", "Coverage intervals joined because a device had too many."),
  counter("berth_retention_slices_total", "Slices of old entries deleted."),
  counter("berth_checkpoints_total", "Checkpoints done."),
  counter("berth_reserve_released_total", "Times the reserve file was given back because the disk was full."),
  gauge("berth_store_bytes", "Bytes of the store, write-ahead log included."),
  gauge("berth_wal_bytes", "Bytes of the write-ahead log."),
  gauge("berth_tail_entries", "Entries not yet in a run."),
  gauge("berth_ring_bytes", "Bytes waiting in rings.", ["ring"], ["frames", "claims", "lifecycle", "decisions"]),
  counter("berth_ring_full_total", "Times a producer found its ring full.", ["ring"], ["frames", "claims", "lifecycle", "decisions", "exceptions", "adopt"]),
  counter("berth_ring_wraps_total", "Times a frame ring's position passed 2^32."),
  counter("berth_broadcast_overruns_total", "Times an http thread was lapped and read from the store instead."),
  gauge("berth_websockets", "Open WebSockets."),
  counter(
    "berth_messages_total",
    "Messages published by applications, by what became of them.",
    ["outcome"],
    ["kept", "failed", "busy", "too_long"],
  ),
  gauge("berth_subscribers", "Live subscriptions.", ["transport"], ["sse", "ws"]),
  counter("berth_subscriber_drops_total", "Subscriptions ended by the gateway, by cause.", ["cause"], ["slow", "age", "shutdown", "limit"]),
  counter("berth_resyncs_total", "Resync markers sent, by cause.", ["cause"], ["none", "malformed", "epoch", "future"]),
  counter("berth_gaps_total", "Gap markers sent, by cause: events are kept no more, or newer ones stand for them (mode=latest).", ["cause"], ["retention", "coalesced"]),
  counter("berth_events_coalesced_total", "Records left out for subscribers in mode=latest, as newer ones of their device stand for them."),
  gauge("berth_subscriber_peak_bytes", "The most bytes ever held for one client, by http thread: queued, or with its connection and not taken by the system.", ["thread"], Array.from({ length: MAX_HTTP_THREADS }, (_, thread) => String(thread))),
  counter("berth_subscriber_pages_total", "Pages read from the store for subscribers that were behind."),
  counter("berth_events_sent_total", "Events delivered to subscribers."),
  counter("berth_registry_failures_total", "Claims that could not be decided or published."),
  gauge("berth_devices", "Known devices."),
  counter("berth_http_requests_total", "HTTP requests, by status class.", ["status"], ["2xx", "3xx", "4xx", "5xx"]),
  counter("berth_http_crowded_total", "HTTP connections ended because there were too many."),
  counter("berth_http_refusals_total", "HTTP requests turned away for who asked, by cause.", ["cause"], ACCESS_REFUSALS),
] as const satisfies readonly Metric[];

export type MetricName = (typeof METRICS)[number]["name"];

const FIRST = new Map<string, number>();
let next = 0;
for (const metric of METRICS) {
  for (const value of metric.values) {
    FIRST.set(`${metric.name}{${value}}`, next);
    next += metric.type === "histogram" ? metric.buckets.length + 3 : 1;
  }
}

/** Slots per thread. */
export const SLOT_COUNT = next;

/** The slot of a counter or gauge; of a histogram, its first: buckets, then +Inf, sum, count. `label`: values joined with `,`. */
export function slot(name: MetricName, label = ""): number {
  const found = FIRST.get(`${name}{${label}}`);
  assert(found !== undefined, `unknown metric ${name}{${label}}`);
  return found;
}
