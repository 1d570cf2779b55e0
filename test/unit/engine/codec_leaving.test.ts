/** How a connection leaves: its address is let go of once, and the registry is told of its close once, wherever it stood. */
import { expect, test } from "bun:test";
import type { Connection } from "../../../src/engine/codec/connection.ts";
import { RingConsumer } from "../../../src/ring/spsc.ts";
import { receive } from "../../../src/wire/control.ts";
import { BenchSocket, CodecBench } from "../../support/codec_bench.ts";
import { imeiOf } from "../../support/fleet.ts";
import { encodeLogin } from "../../support/frames.ts";

const ADDRESS = "10.0.0.1";

/** What its worker has told the registry and the registry has not taken yet. */
function closesTold(bench: CodecBench): number {
  const claims = new RingConsumer(bench.boot.rings.claims[0]!);
  let closes = 0;
  while (claims.next()) if (receive(claims).type === "close") closes++;
  return closes;
}

interface Way {
  readonly name: string;
  readonly lead: (bench: CodecBench) => Connection;
  readonly closes: number;
}

const WAYS: readonly Way[] = [
  { name: "before its login", lead: (bench) => bench.open(new BenchSocket()), closes: 0 },
  {
    name: "while the registry decides",
    lead: (bench) => {
      const connection = bench.open(new BenchSocket());
      bench.worker.data(connection, encodeLogin(imeiOf(1)));
      return connection;
    },
    closes: 1,
  },
  { name: "logged in", lead: (bench) => bench.login(imeiOf(1)).connection, closes: 1 },
  {
    name: "taken over",
    lead: (bench) => {
      const { connection } = bench.login(imeiOf(1));
      bench.login(imeiOf(1));
      return connection;
    },
    closes: 0,
  },
];

for (const { name, lead, closes } of WAYS) {
  test(`a connection that ends ${name} leaves nothing of its address, and is told of ${closes === 0 ? "no more" : "once"}`, () => {
    for (const how of ["closed", "reset"] as const) {
      const bench = new CodecBench();
      const others = bench.open(new BenchSocket());
      const connection = lead(bench);
      // What was on its way before is taken, but for the claim.
      if (name !== "while the registry decides") bench.turn();
      bench.worker.close(connection, how);
      bench.worker.tick();
      expect([how, closesTold(bench)]).toEqual([how, closes]);
      expect(bench.context.addresses.waiting(ADDRESS)).toBe(1);
      bench.worker.close(others, how);
      expect(bench.context.addresses.waiting(ADDRESS)).toBe(0);
    }
  });
}

test("a connection that is taken over before its login is answered ends as any other, and its end says nothing of its successor", () => {
  const bench = new CodecBench();
  const [first, second] = [new BenchSocket(), new BenchSocket()];
  const connections = [first, second].map((socket) => bench.open(socket));
  // Both claims are in the ring before the registry looks.
  for (const connection of connections) bench.worker.data(connection, encodeLogin(imeiOf(1)));
  bench.turn();
  expect([first.fins, second.fins, second.written]).toEqual([1, 0, [1]]);
  expect([connections[0]!.reason, connections[1]!.fence > connections[0]!.fence]).toEqual(["superseded", true]);
  bench.worker.close(connections[0]!, "closed");
  bench.pass(30);
  expect(bench.journal.events.map(({ type }) => type).filter((type) => type !== "evidence")).toEqual(["connected", "replaced"]);
  expect([bench.worker.sockets, bench.count("berth_connections")]).toEqual([1, 1]);
});
