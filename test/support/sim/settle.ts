/**
 * The end of a seed: all faults stop, everything is delivered, every device comes back and gets rid of what it has. Then
 * every view of the world must say the same, and an ordered shutdown must leave nothing behind.
 */
import { asDeviceId, asDeviceNo } from "../../../src/base/brand.ts";
import { prng } from "../../../src/base/prng.ts";
import { DrainPhase } from "../../../src/wire/board.ts";
import { sumOf } from "../../../src/telemetry/counters.ts";
import { type MetricName, METRICS, slot } from "../../../src/telemetry/slots.ts";
import { ORDERS } from "../../../src/wire/control.ts";
import { deliver } from "./acts.ts";
import type { Life } from "./life.ts";
import { hold } from "./violation.ts";
import type { World } from "./world.ts";

const ROUNDS = 600;
const QUIET_ROUNDS = 30;
const TICK_MS = 25;
/** Often enough for the idle timeout. */
const PING_ROUNDS = 20;
/** After this many rounds only deadlines are left to wait for. */
const SLOW_ROUND = 60;
const SLOW_TICK_MS = 150;

export async function settle(world: World): Promise<void> {
  const random = prng(world.plan.seed ^ 0x5eed);
  world.random = random;
  world.interrupt = () => undefined;
  world.note("all faults end");
  world.disk.failure = null;
  world.disk.failSync = false;
  world.disk.countdown = Infinity;
  const primary = world.devices.filter((device, i) => world.devices.findIndex(({ imei }) => imei === device.imei) === i);
  for (const device of world.devices) {
    if (!primary.includes(device) || device.link?.cut === true) device.forget();
  }
  for (const link of world.links) {
    link.room = Infinity;
    link.mute = false;
    if (world.devices.every((device) => device.link !== link)) link.abort();
  }
  for (const consumer of world.consumers) consumer.lazy = 0;
  let quiet = 0;
  for (let round = 0; quiet < QUIET_ROUNDS; round++) {
    hold(round < ROUNDS, "comes to rest", () => restless(world));
    if (world.life !== null) {
      for (const device of primary) device.push(random);
      if (round % PING_ROUNDS === 0) { for (const device of primary) device.ping(); }
      if (world.life.board.doorShut()) openDoor(world.life);
    }
    turnAll(world, random, round > SLOW_ROUND && quiet === 0);
    await microtasks();
    const { life } = world;
    const rested = life !== null && primary.every((device) => device.done && device.loggedIn) && life.journal.idle &&
      life.board.phase() === DrainPhase.running && caughtUp(world) && life.sockets === primary.length && world.truth.commands.live === 0;
    quiet = rested ? quiet + 1 : 0;
  }
  const ids = primary.map(({ imei }) => imei);
  agree(world, ids);
  readable(world, ids);
  nothingLeft(world);
  await leave(world, random);
}

const openDoor = ({ http }: Life): void =>
  void http.ask((request) => ({ type: "order", request, verb: ORDERS.indexOf("drain"), device: "", text: "open" }));

const caughtUp = (world: World): boolean =>
  world.life!.http.follower.position === world.truth.committed &&
  world.consumers.every((one) => one.missing(world.truth.committed).length === 0);

function restless(world: World): string {
  const devices = world.devices.map((one) => `${one.name} ${one.done ? "done" : "has records"} ${one.loggedIn ? "in" : "out"}`);
  const { life } = world;
  const gateway = life === null
    ? "dead"
    : `phase ${life.board.phase()}, ${life.sockets} sockets, journal ${life.journal.idle ? "idle" : "busy"}`;
  const commands = `${world.truth.commands.live} commands`;
  const behind = world.consumers.map((one) => `${one.name} at ${one.position}`);
  return `${devices.join(", ")}; gateway ${gateway}; log at ${world.truth.committed}; ${commands}; ${behind.join(", ")}`;
}

/** Everybody has a turn. */
function turnAll(world: World, random: ReturnType<typeof prng>, slow = false): void {
  world.perform(() => {
    world.mono += slow ? SLOW_TICK_MS : TICK_MS;
    if (world.life === null) world.start();
    for (let most = 40; most > 0; most--) deliver(world, random);
    const { life } = world;
    if (life === null) return;
    for (const left of world.immediates.splice(0)) life.as(left.thread, left.run);
    life.workers.forEach((_, i) => life.as(`codec ${i}`, () => life.codec(i)));
    life.as("registry", () => life.registry());
    life.as("journal", () => life.journal.turn());
    for (let i = 0; i < 3; i++) life.as("sync", () => life.sync());
    life.workers.forEach((_, i) => life.as(`codec ${i}`, () => life.codec(i)));
    if (!life.http.follower.hydrated) life.http.hydrate();
    life.http.turn();
    for (let i = 0; i < 4; i++) {
      while (life.http.pages.length > 0) life.http.page(0, false);
      for (const consumer of world.consumers) while (consumer.read(life.http, 1e9));
    }
  }, true);
}

/** What can be read of each device: its records, whatever was flushed, merged and trimmed, and its takeovers. */
function readable({ life, truth }: World, ids: readonly string[]): void {
  const { reader } = life!;
  for (const id of ids) {
    const device = asDeviceId(id);
    const seqs: number[] = [];
    for (let after: string | null = null;;) {
      const page = reader.records({ device, from: null, to: null, limit: 7, after, order: "seq" });
      hold(page.kind === "page", "I8 views agree", () => `records of ${id} are answered with ${page.kind}`);
      seqs.push(...page.records.map(({ seq }) => seq));
      if (page.next === null) break;
      after = page.next;
    }
    const stored = [...truth.device(id).stored.values()].filter((seq) => seq >= truth.oldest).toSorted((a, b) => a - b);
    hold(seqs.join() === stored.join(), "I8 views agree", () => `records of ${id} read are ${seqs.join()}, stored are ${stored.join()}`);
    const rows = (reader.history(device, 1000) ?? []).map((row) => (JSON.parse(row) as { new: { fence: number } }).new.fence).toReversed();
    // Retention may have taken the oldest along.
    const told = truth.device(id).takeovers;
    const kept = told.slice(-rows.length || told.length).map(({ fence }) => fence);
    const must = told.filter(({ seq }) => seq >= truth.oldest).length;
    const right = rows.length >= must && (rows.length === 0 || rows.join() === kept.join());
    hold(right, "I10 explained", () => `history of ${id} has ${rows.join()}, told was ${told.map(({ fence }) => fence).join()}`);
  }
}

/** At rest nobody waits, and what was opened is open or was closed. */
function nothingLeft({ life, links }: World): void {
  const { contexts, boot } = life!;
  for (const { address } of links.map(({ peer }) => peer)) {
    const waiting = contexts[0]!.addresses.waiting(address);
    hold(waiting === 0, "I4 closed once", () => `${waiting} sockets of ${address} are counted as not logged in`);
  }
  for (const { fifo, worker } of contexts) {
    hold(fifo.length === 0, "I6 bounded", () => `worker ${worker} waits for ${fifo.length} verdicts`);
  }
  for (const one of life!.open()) hold(one.unacked === 0, "I6 bounded", () => `${one.device} has ${one.unacked} frames without a verdict`);
  const count = (name: MetricName): number =>
    METRICS.find((metric) => metric.name === name)!.values.reduce((sum: number, label) => sum + sumOf(boot.counters, slot(name, label)), 0);
  const opened = sumOf(boot.counters, slot("berth_accepted_total"));
  const [refused, closed] = [count("berth_accept_refused_total"), count("berth_closed_total")];
  const right = opened === refused + closed + life!.sockets;
  hold(right, "I4 closed once", () => `${opened} were accepted, ${refused} refused, ${closed} closed, ${life!.sockets} are open`);
}

/** I8 and I1: registry, workers, log, devices by journal, reader and http, and subscribers. */
function agree(world: World, ids: readonly string[]): void {
  const life = world.life!;
  const open = life.open();
  for (const id of ids) {
    const own = open.filter(({ device }) => device === id);
    hold(own.length === 1, "I1 one owner", () => `${id} has ${own.length} open connections`);
    const fence = own[0]!.fence;
    const views: Record<string, number | null> = {
      registry: world.watch.blind ? fence : world.watch.held(id)[0]?.fence ?? null,
      log: [...world.truth.device(id).open][0] ?? null,
    };
    const folds = { journal: life.journal.journal.fold, http: life.http.follower.fold };
    for (const [name, fold] of Object.entries(folds)) {
      const state = fold.byId(asDeviceId(id));
      views[name] = state?.connected === true ? state.fence : null;
    }
    const no = life.journal.journal.fold.byId(asDeviceId(id))!.no;
    life.reader.advance();
    const read = life.reader.devices(asDeviceNo(no - 1), 1)[0];
    views["reader"] = read?.connected === true ? read.fence : null;
    for (const consumer of world.consumers) if (consumer.connected.has(id)) views[consumer.name] = consumer.connected.get(id) ?? null;
    const request = life.http.ask((number) => ({ type: "ask", request: number, device: id }));
    life.registry();
    life.http.turn();
    const answer = life.http.answers.get(request);
    views["answer"] = answer?.type === "answer" && answer.connected ? answer.fence : null;
    const apart = Object.entries(views).filter(([, view]) => view !== fence);
    hold(
      apart.length === 0,
      "I8 views agree",
      () => `${id} is open under ${fence}, but ${apart.map(([name, view]) => `${name} says ${view}`).join()}`,
    );
  }
}

async function leave(world: World, random: ReturnType<typeof prng>): Promise<void> {
  world.stop();
  const stops = world.counts.stops;
  for (let round = 0; world.counts.stops === stops; round++) {
    hold(round < ROUNDS, "I9 shutdown", () => `phase ${world.life?.board.phase()} does not end`);
    turnAll(world, random);
    await microtasks();
  }
  for (let most = 400; most > 0 && world.links.length > 0; most--) world.perform(() => deliver(world, random), true);
  const left = world.links.filter((link) => link.gateway !== "gone");
  hold(left.length === 0, "I4 closed once", () => `${left.map(({ name }) => name).join()} was never closed`);
}

/** What the http thread began goes on between the steps. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}
