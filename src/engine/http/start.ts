/** Gives an http thread its lines to the other threads, and its broker. Called once each, at its start. */
import { asSeq } from "../../base/brand.ts";
import { Broker } from "../../broker/broker.ts";
import { sseFormat } from "../../broker/sse_text.ts";
import { Bell } from "../../ring/wait.ts";
import type { Counters } from "../../telemetry/counters.ts";
import type { Boot } from "../boot.ts";
import { RegistryClient } from "./asks.ts";
import { ReaderClient } from "./queries.ts";
import { tally } from "./tally.ts";

export function startReaders({ roster, rings, bells, index, settings }: Boot): ReaderClient {
  const lines = roster.reader.map((thread, reader) => ({
    queries: rings.queries[index]![reader]!,
    results: rings.results[index]![reader]!,
    bell: new Bell(bells, thread),
  }));
  return new ReaderClient(lines, settings.limits);
}

export function startRegistryClient({ roster, rings, bells, index, settings }: Boot): RegistryClient {
  return new RegistryClient(rings.asks[index]!, rings.answers[index]!, new Bell(bells, roster.registry), settings.limits);
}

export function startBroker({ roster, index, settings }: Boot, epoch: string, counters: Counters): Broker {
  const { limits } = settings;
  // Of the pages a reader serves at a time each http thread has its share.
  const pagesInFlight = Math.max(1, Math.floor(limits.pagesInFlight / roster.http.length));
  return new Broker(epoch, { ...limits, pagesInFlight }, roster.reader.length, sseFormat(epoch), tally(counters, index), asSeq(1));
}
