/** The broker's counts, in the counters of an http thread. */
import type { Tally } from "../../broker/port.ts";
import type { Counters } from "../../telemetry/counters.ts";
import { slot } from "../../telemetry/slots.ts";

/** `thread`: which of the http threads. */
export function tally(counters: Counters, thread: number): Tally {
  const peak = slot("berth_subscriber_peak_bytes", String(thread));
  const subscribers = { sse: slot("berth_subscribers", "sse"), ws: slot("berth_subscribers", "ws") };
  const coalesced = slot("berth_events_coalesced_total");
  const pages = slot("berth_subscriber_pages_total");
  const sent = slot("berth_events_sent_total");
  return {
    subscribers: (now, transport) => counters.set(subscribers[transport], now),
    dropped: (cause) => counters.add(slot("berth_subscriber_drops_total", cause)),
    resync: (cause) => counters.add(slot("berth_resyncs_total", cause)),
    gap: (cause) => counters.add(slot("berth_gaps_total", cause)),
    coalesced: (events) => counters.add(coalesced, events),
    page: () => counters.add(pages),
    sent: (events) => counters.add(sent, events),
    peak: (bytes) => counters.set(peak, bytes),
  };
}
