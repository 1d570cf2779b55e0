/** What each act of a plan does to the world. One roll is all the chance an act has. */
import { type Prng, prng } from "../../../src/base/prng.ts";
import { DrainPhase } from "../../../src/wire/board.ts";
import { ORDERS } from "../../../src/wire/control.ts";
import { type Act, POLICIES, type Step } from "./plan.ts";
import type { World } from "./world.ts";

/** What may happen while a thread is in the middle of its turn. Readers of the one database may not. */
const MEANWHILE: readonly Act[] = ["deliver", "deliver", "device", "codec", "publish", "registry", "journal", "sync", "time"];
const DEPTH = 2;
const FAILURES = ["SQLITE_FULL", "SQLITE_IOERR_WRITE"];

export function act(world: World, step: Step): void {
  const random = prng(step.roll);
  world.random = random;
  let depth = 0;
  const { faults } = world.plan;
  const chance = faults.has("slow_disk") ? 0.3 : faults.has("preempt") ? 0.12 : 0;
  world.interrupt = () => {
    if (chance === 0 || depth >= DEPTH || world.life === null || world.life.busy.length === 0 || !random.chance(chance)) return;
    depth++;
    const meanwhile = random.pick(MEANWHILE);
    world.note(`  meanwhile ${meanwhile}`);
    try {
      one(world, meanwhile, random);
    } catch (error) {
      // Whoever was interrupted may take it for a failure of his own.
      world.found ??= error;
      throw error;
    }
    depth--;
  };
  world.note(step.act);
  world.perform(() => {
    if (world.life === null && needsLife(step.act)) return random.chance(0.5) ? world.start() : undefined;
    one(world, step.act, random);
  }, random.chance(0.7));
}

const needsLife = (what: Act): boolean => !["deliver", "device", "time", "cut", "reset", "storm", "step_clock", "stranger"].includes(what);

function one(world: World, what: Act, random: Prng): void {
  const { faults } = world.plan;
  switch (what) {
    case "deliver":
      for (let most = 1 + random.below(3); most > 0; most--) deliver(world, random);
      return;
    case "device":
      return random.pick(world.devices).act(random, faults.has("regroup"), faults.has("bad_frames"));
    case "time":
      world.mono += random.below(random.chance(0.1) ? 3000 : 200);
      return;
    case "step_clock":
      world.wallOffset += (random.below(2) * 2 - 1) * random.below(3_600_000);
      return;
    case "cut":
      return pickLink(world, random, (link) => (link.cut = true));
    case "reset":
      return pickLink(world, random, (link) => link.sever());
    case "stick":
      return pickLink(world, random, (link) => (link.room = link.room === Infinity ? random.below(6) : Infinity));
    case "stranger":
      return world.stranger(random);
    case "storm": {
      const device = random.pick(world.devices);
      for (let i = 2 + random.below(5); i > 0; i--) {
        device.forget();
        device.connect();
      }
      return;
    }
    default:
      return inside(world, what, random);
  }
}

function pickLink(world: World, random: Prng, change: (link: World["links"][number]) => void): void {
  const open = world.links.filter((link) => link.deviceOpen && !link.cut);
  if (open.length === 0) return;
  const link = random.pick(open);
  world.note(`  ${link.name}`);
  change(link);
}

/** Acts of the gateway itself. */
function inside(world: World, what: Act, random: Prng): void {
  const { life } = world;
  if (life === null) return;
  switch (what) {
    case "codec": {
      const index = random.below(life.workers.length);
      return void life.as(`codec ${index}`, () => life.codec(index));
    }
    case "publish":
      return publish(world, random);
    case "registry":
      return void life.as("registry", () => life.registry());
    case "journal":
      return void life.as("journal", () => life.journal.turn());
    case "upkeep":
      // A reader follows within a second: it never is behind what retention deletes.
      life.reader.advance();
      return void life.as("journal", () => world.note(`  ${life.journal.failing ? "failing" : life.journal.slice(random.chance(0.2))}`));
    case "http":
      return world.httpRests-- > 0 ? undefined : life.http.turn();
    case "read":
      return read(world, random);
    case "ask":
      return void life.http.ask((request) => ({ type: "ask", request, device: random.pick(world.devices).imei }));
    case "kick": {
      const device = random.pick(world.devices).imei;
      return void life.http.ask((request) => ({ type: "order", request, verb: ORDERS.indexOf("kick"), device, text: "" }));
    }
    case "command":
      return command(world, random);
    case "policy": {
      const device = random.pick(world.devices).imei;
      const text = random.chance(0.1) ? "" : random.pick(POLICIES);
      return void life.http.ask((request) => ({ type: "order", request, verb: ORDERS.indexOf("device_policy"), device, text }));
    }
    case "drain":
      return drain(world, random);
    case "crash":
      return world.crash(random.chance(0.7));
    case "crash_writing":
      world.disk.countdown = 1 + random.below(25);
      return;
    case "sync":
      return void life.as("sync", () => life.sync());
    case "fail_sync":
      world.disk.failSync = true;
      return;
    case "fail_disk":
      world.disk.failure = world.disk.failure === null ? random.pick(FAILURES) : null;
      return;
    case "stop":
      return world.stop();
    case "lag":
      for (const consumer of world.consumers) consumer.lazy = random.below(20);
      if (random.chance(0.5)) world.httpRests = random.below(40);
      return;
    case "trim":
      return life.journal.upkeep.wish({ before: 0, excessBytes: random.below(4000) }, random.chance(0.5));
    default:
  }
}

/** Somebody wants something of a device, perhaps for the second time. */
function command(world: World, random: Prng): void {
  const device = random.pick(world.devices).imei;
  const again = random.chance(0.2) && world.wishes.length > 0 ? random.pick(world.wishes) : null;
  const id = `c${world.wishes.length}`;
  const wish = again ?? { device, key: `key of ${id}`, text: id, codec: random.pick([12, 14]) };
  // As an http thread does: what the store knows of is not asked for again.
  if (again !== null && world.life!.reader.commandByKey(wish.device, wish.key) !== null) return;
  world.wishes.push(wish);
  const createdAt = world.wall();
  const times = { createdAt, expiresAt: createdAt + 200 + random.below(4000), timeoutMs: 100 + random.below(600) };
  world.life!.http.ask((request) => ({ type: "submit", request, id, ...wish, ...times }));
}

/** Closes what a device has by now; or shuts the door on newcomers, or opens it. */
function drain(world: World, random: Prng): void {
  const device = random.chance(0.3) ? "" : random.pick(world.devices).imei;
  const text = device === "" ? random.pick(["shut", "open"]) : String(world.truth.device(device).highest);
  world.life!.http.ask((request) => ({ type: "order", request, verb: ORDERS.indexOf("drain"), device, text }));
}

export function deliver(world: World, random: Prng): void {
  const { life } = world;
  const ready = world.links.filter((link) => link.gateway === "asked" || link.pending);
  if (ready.length === 0) return;
  const link = random.pick(ready);
  if (link.gateway === "asked") {
    world.note(`  ${link.name} of ${(link.device as { name?: string }).name ?? ""}`);
    if (life === null) link.lost(true);
    else life.accept(link, random.below(life.workers.length));
    return;
  }
  const go = (): void => {
    const what = link.deliver(random, world.plan.faults.has("fragments"));
    world.note(`  ${link.name}: ${what}`);
  };
  if (life === null || link.worker < 0) go();
  else life.as(`codec ${link.worker}`, go);
}

/** What a worker left for the end of its turn. Each worker's in order. */
function publish(world: World, random: Prng): void {
  const { life, immediates } = world;
  if (immediates.length === 0) return;
  const { thread } = random.pick(immediates);
  const index = immediates.findIndex((one) => one.thread === thread);
  const left = immediates[index]!;
  if (life!.busy.includes(thread)) return;
  immediates.splice(index, 1);
  life!.as(thread, left.run);
}

function read(world: World, random: Prng): void {
  const { http, board } = world.life!;
  if (http.pages.length > 0 && random.chance(0.5)) return http.page(random.below(http.pages.length), random.chance(0.1));
  if (world.consumers.length === 0 || board.phase() > DrainPhase.sayBye) return;
  const consumer = random.pick(world.consumers);
  if (!http.follower.hydrated) return http.hydrate();
  consumer.read(http, random.chance(0.1) ? 500 : 1e9);
}
