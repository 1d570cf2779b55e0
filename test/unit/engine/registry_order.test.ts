/** What the registry makes visible first: the journal's part of an admission, so that no record of a fence is committed before it. */
import { expect, test } from "bun:test";
import { asMonoMs, asWallMs } from "../../../src/base/brand.ts";
import { RegistryDesk } from "../../../src/engine/registry/desk.ts";
import { RingConsumer } from "../../../src/ring/spsc.ts";
import { Bell } from "../../../src/ring/wait.ts";
import { Board } from "../../../src/wire/board.ts";
import { receive } from "../../../src/wire/control.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";
import { encodeLogin } from "../../support/frames.ts";

test("when a worker is woken by its decision, the journal can see the admission, and the takeover after it", () => {
  const bench = new CodecBench();
  const { boot, worker } = bench;
  const lifecycle = new RingConsumer(boot.rings.lifecycle);
  const decisions = new RingConsumer(boot.rings.decisions[0]!);
  const seen: (readonly [string, string])[] = [];
  // The worker sleeps by a doorbell: who rings it is looked at in that moment.
  const poke = (): void => {
    while (lifecycle.next()) {
      const { type } = receive(lifecycle);
      decisions.next();
      seen.push([type, receive(decisions).type]);
    }
    lifecycle.release();
    decisions.release();
  };
  const clock = { wall: () => asWallMs(1_700_000_000_000), mono: () => asMonoMs(1000) };
  const desk = new RegistryDesk(
    { ...boot, thread: boot.roster.registry },
    boot.recovered!,
    new Board(boot.board),
    clock,
    undefined,
    undefined,
    poke,
  );
  const bell = new Bell(boot.bells, boot.roster.codec[0]!, poke);
  bell.hangDoorbell(1);
  for (let i = 0; i < 2; i++) {
    worker.data(bench.open(new BenchSocket()), encodeLogin(imeiOf(1)));
    worker.tick();
    bell.waitBy(0, () => false, () => (desk.round(), true));
  }
  expect(seen).toEqual([["connected", "decided"], ["replaced", "evict"]]);
});
