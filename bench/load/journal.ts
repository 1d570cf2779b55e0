/**
 * The commit path alone, in one thread over a real file with every commit synced: frames out of a ring, through intake,
 * de-duplication and commit, with flush and merge slices between commits as the journal thread does them. 1,000 devices,
 * 203-byte frames of 4 records. Prints the table of src/README.md.
 *
 *   bun bench/load/journal.ts [devices = 1000] [frames per device and load = 100] [frames a commit = 1000]
 */
import { limitsWith } from "../../src/base/limits.ts";
import { JournalEvents } from "../../src/engine/journal/events.ts";
import { JournalIntake } from "../../src/engine/journal/intake.ts";
import { RingVerdicts } from "../../src/engine/journal/verdicts.ts";
import { bunPlatform } from "../../src/platform/bun.ts";
import { createRing } from "../../src/ring/layout.ts";
import { RingConsumer, RingProducer } from "../../src/ring/spsc.ts";
import { Bell, BELL_BYTES } from "../../src/ring/wait.ts";
import { Journal } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { Upkeep } from "../../src/store/upkeep.ts";
import { Board, createBoard } from "../../src/wire/board.ts";
import { send } from "../../src/wire/control.ts";
import { avlData, avlRecord } from "../../test/support/avl_data.ts";
import { putFrame } from "../../test/support/frame_ring.ts";

const RECORDS = 4;
const GAP_MS = 10_000;
const HOUR_MS = 3_600_000;
/** IO elements that make a record 50 bytes and a frame 203. */
const IO = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i + 1, i]));

const [devices = 1000, perDevice = 100, perCommit = 1000] = Bun.argv.slice(2).map(Number);
const platform = bunPlatform();
const limits = limitsWith();
const directory = platform.temporaryDirectory("berth-journal-");
const path = `${directory}/berth.db`;
const opened = openStore({
  path,
  checkpointBytes: limits.checkpointBytes,
  newEpoch: "load",
  open: () => platform.openDatabase(path, { readOnly: false }),
});
if (!opened.ok) throw new Error(opened.message);
const journal = new Journal(opened.value, limits, () => false);
const upkeep = new Upkeep(journal);
const bell = new Bell(new SharedArrayBuffer(BELL_BYTES), 0);
const ringMemory = createRing(limits.frameRingBytes);
const lifecycleMemory = createRing(limits.controlRingBytes);
const ring = new RingProducer(ringMemory, bell);
const lifecycle = new RingProducer(lifecycleMemory, bell);
const taken = new RingConsumer(ringMemory);
const exceptions = new RingProducer(createRing(limits.exceptionRingBytes), bell);
const verdicts = new RingVerdicts(0, new Board(createBoard()), bell, exceptions, taken.end);
const intake = new JournalIntake(journal, new JournalEvents(journal, 1), lifecycleMemory, [taken], [verdicts]);
const now = Date.now();

for (let conn = 0; conn < devices; conn++) {
  const device = `3560${String(conn).padStart(11, "0")}`;
  send(lifecycle, {
    type: "connected",
    device,
    fence: 1024 * (conn + 1),
    ring: 0,
    conn,
    transport: 0,
    address: "10.0.0.1",
    port: 1,
    clientInstance: "",
    at: now,
  });
  if (conn % 1000 === 999) takeAll();
}
takeAll();

/** As the loop does: take, commit, settle, then a slice, or more when the tail fills faster than it is flushed. */
function takeAll(): void {
  lifecycle.publish();
  ring.publish();
  do {
    intake.take();
    if (journal.hasWork && !journal.commit().ok) throw new Error("Cannot commit");
    intake.clear();
    verdicts.close(true);
    verdicts.tell();
    for (let most = 1 + Math.floor(upkeep.fullness() * 4); most > 0; most--) if (upkeep.round(now) === null || !upkeep.flushing) break;
  } while (intake.hasWork());
  if (platform.fileSize(`${path}-wal`) > limits.checkpointBytes) journal.db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
}

/** Frame `step` of every device: `timeOf` gives its first record's time, the others follow `direction`. */
interface Load {
  readonly name: string;
  readonly timeOf: (step: number) => number;
  readonly direction: 1 | -1;
  readonly stored: boolean;
}

/** Frames a second, and µs of processor time a frame: the second does not care who else uses the machine. */
function run(load: Load): { readonly speed: number; readonly cpuUs: number } {
  let ms = 0;
  let cpuUs = 0;
  let filled = 0;
  const measure = (): void => {
    const began = performance.now();
    const cpu = process.cpuUsage();
    takeAll();
    const { user, system } = process.cpuUsage(cpu);
    ms += performance.now() - began;
    cpuUs += user + system;
  };
  const before = (): number => [...journal.fold].reduce((sum, device) => sum + device.records, 0);
  const stored = before();
  for (let step = 0; step < perDevice; step++) {
    const first = load.timeOf(step);
    const records = Array.from({ length: RECORDS }, (_, i) => avlRecord(8, { time: first + load.direction * i * GAP_MS, io: IO }));
    const { data } = avlData(8, records);
    for (let conn = 0; conn < devices; conn++) {
      if (putFrame(ring, conn, data, now, limits.futureMs) < 0) throw new Error("Cannot fill the ring");
      if (++filled % perCommit !== 0) continue;
      measure();
    }
  }
  measure();
  const expected = load.stored ? devices * perDevice * RECORDS : 0;
  if (before() - stored !== expected) throw new Error(`Cannot trust the load: ${before() - stored} records are new, ${expected} should be`);
  return { speed: (devices * perDevice) / (ms / 1000), cpuUs: cpuUs / (devices * perDevice) };
}

const span = RECORDS * GAP_MS;
const base = now - 20 * 24 * HOUR_MS;
const end = base + 2 * perDevice * span;
const LOADS: readonly Load[] = [
  { name: "in order, first", timeOf: (step) => base + step * span, direction: 1, stored: true },
  { name: "in order", timeOf: (step) => base + (perDevice + step) * span, direction: 1, stored: true },
  { name: "newest first, over what is stored", timeOf: (step) => end + HOUR_MS + (perDevice - step) * span, direction: -1, stored: true },
  { name: "all duplicates, of the newest", timeOf: (step) => end + HOUR_MS + (perDevice - step) * span, direction: -1, stored: false },
  { name: "all duplicates, of the oldest", timeOf: (step) => base + step * span, direction: 1, stored: false },
];

try {
  console.log(`| load: ${devices} devices × ${perDevice} frames, ${perCommit} a commit | frames/s | processor µs a frame |\n|---|---|---|`);
  for (const load of LOADS) {
    const { speed, cpuUs } = run(load);
    console.log(`| ${load.name} | ${Math.round(speed).toLocaleString("en")} | ${cpuUs.toFixed(1)} |`);
  }
  console.log(
    `\n${journal.segments.length} segments, ${journal.tails.live.refs.count} entries in the tail, ${
      (platform.fileSize(path) / 2 ** 20).toFixed(0)
    } MiB`,
  );
} finally {
  journal.db.close();
  platform.removeTree(directory);
}
