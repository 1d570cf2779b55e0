/** Connections to HTTP beyond their bound: who is ended, and who is not. */
import { afterEach, expect, test } from "bun:test";
import type { Clock } from "../../../src/base/clock.ts";
import { HttpCrowd } from "../../../src/engine/http/crowd.ts";
import type { HttpSocket, HttpSockets } from "../../../src/platform/http_sockets.ts";
import { here } from "../../support/here.ts";
import { until } from "../../support/until.ts";

/** Descriptors of which some are connections to HTTP, in turns as a process has them. */
class Kernel implements HttpSockets {
  readonly all = new Map<number, HttpSocket>();
  readonly ended: number[] = [];
  readonly #others: number;
  looks = 0;
  constructor(others: number) {
    this.#others = others;
  }
  add(fd: number, quietMs: number, takenBytes: number): void {
    this.all.set(fd, { fd, peerPort: fd, quietMs, takenBytes });
  }
  openDescriptors(): number {
    return this.#others + this.all.size;
  }
  look(_port: number, first: number, count: number, found: (one: HttpSocket) => void) {
    this.looks++;
    for (let fd = first; fd < first + count; fd++) if (this.all.has(fd)) found(this.all.get(fd)!);
    return { end: first + count, isLast: first + count > Math.max(0, ...this.all.keys()) };
  }
  end({ fd }: HttpSocket): void {
    this.ended.push(fd);
    this.all.delete(fd);
  }
}

let crowd: HttpCrowd | null = null;
afterEach(() => crowd?.stop());
let counted = 0;
function watch(kernel: Kernel, max: number, chainBytes = 0, deviceSockets = 0): void {
  counted = 0;
  const clock: Clock = here.clock;
  crowd = new HttpCrowd({ httpSockets: kernel, clock }, {
    max,
    chainBytes,
    localPort: () => 8080,
    deviceSockets: () => deviceSockets,
    ended: (count) => counted += count,
  });
  crowd.tick();
}

test("too many connections end with those nothing was sent to, oldest first, then the quietest", async () => {
  const kernel = new Kernel(0);
  for (let i = 0; i < 10; i++) kernel.add(i, 10_000 + i, 500);
  for (let i = 10; i < 15; i++) kernel.add(i, i, 0);
  kernel.add(5000, 60_000, 0);
  watch(kernel, 10);
  await until("the end of some", () => counted > 0);
  expect(kernel.ended).toEqual([5000, 14, 13, 12, 11, 10, 9]);
  expect([kernel.all.size, counted]).toEqual([9, 7]);
});

test("as many as may be are left alone, and are looked for only when there may be more", async () => {
  const few = new Kernel(0);
  for (let i = 0; i < 5; i++) few.add(i, 1, 0);
  watch(few, 10);
  crowd!.stop();
  expect(few.looks).toBe(0);
  const many = new Kernel(100);
  for (let i = 0; i < 6; i++) many.add(i, 1, 0);
  watch(many, 6);
  await until("two looks", () => many.looks >= 2);
  expect([many.all.size, counted]).toEqual([6, 0]);
});

test("sockets of devices are none of them", () => {
  const kernel = new Kernel(10_000);
  kernel.add(1, 1, 0);
  watch(kernel, 4, 0, 10_000);
  expect([kernel.looks, counted]).toEqual([0, 0]);
});

test("a TLS handshake is no answer", async () => {
  const kernel = new Kernel(0);
  kernel.add(1, 10, 1500);
  kernel.add(2, 20_000, 9000);
  kernel.add(3, 10_000, 9000);
  watch(kernel, 2, 1000);
  await until("the end of some", () => counted > 0);
  expect(kernel.ended).toEqual([1, 2]);
});
