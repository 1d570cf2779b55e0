/**
 * kill -9 under load: 20 rounds that count per way of accepting, printed one by one.
 *
 *   bun bench/load/kill9.ts [--rounds 20] [--seed 1] [--accept fd|reuseport]
 *
 * Exit 1 when a record that was acknowledged is not stored, is stored twice, or a fence did not rise.
 */
import { writeSync } from "node:fs";
import { ACCEPTS, endEverything } from "../../test/support/gateway.ts";
import { counts, KILL_POINTS, type KillPoint, KillRounds, type Round } from "../../test/support/kill_rounds.ts";

const COLUMNS = ["acks", "unacked", "stored", "lost", "twice", "invented", "fencesStuck", "duplicates"] as const;

const option = (name: string, otherwise: string): string => {
  const at = Bun.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Bun.argv[at + 1] ?? otherwise;
};

const print = (line: string): void => void writeSync(1, `${line}\n`);

const row = (accept: string, number: number, round: Round): string =>
  [
    accept.padEnd(9),
    String(number).padStart(5),
    round.point.padEnd(15),
    ...COLUMNS.map((column) => String(round[column]).padStart(11)),
    counts(round) ? "counts" : "does not count, again",
    ...round.faults,
  ].join(" ");

const isGood = (round: Round): boolean => round.lost + round.twice + round.invented + round.fencesStuck + round.faults.length === 0;

/** Half of the rounds die anywhere, the others in turn at the named points. */
const pointOf = (number: number): KillPoint => number % 2 === 1 ? "random" : KILL_POINTS[1 + (number / 2 - 1) % (KILL_POINTS.length - 1)]!;

async function runAll(accept: string, rounds: number, seed: number): Promise<boolean> {
  const run = new KillRounds(accept, seed);
  const all: Round[] = [];
  for (let number = 1; number <= rounds; number++) {
    for (const round of await run.round(pointOf(number))) {
      all.push(round);
      print(row(accept, number, round));
    }
  }
  const counted = all.filter(counts);
  const total = (column: (typeof COLUMNS)[number]): number => all.reduce((sum, round) => sum + round[column], 0);
  print(
    `${accept}: ${counted.length} rounds counted of ${rounds}; ${total("acks")} frames acknowledged, ${
      total("unacked")
    } unanswered at a kill; ` +
      `lost ${total("lost")}, stored twice ${total("twice")}, recognised as duplicates ${total("duplicates")}; ` +
      KILL_POINTS.map((point) => `${point} ${counted.filter((round) => round.point === point).length}`).join(", "),
  );
  return all.every(isGood) && counted.length === rounds && total("duplicates") > 0;
}

if (import.meta.main) {
  const accepts = ACCEPTS.filter((accept) => option("accept", accept) === accept);
  print(["accept".padEnd(9), "round", "kill".padEnd(15), ...COLUMNS.map((column) => column.padStart(11))].join(" "));
  let good = true;
  for (const accept of accepts) good = await runAll(accept, Number(option("rounds", "20")), Number(option("seed", "1"))) && good;
  await endEverything();
  process.exit(good ? 0 : 1);
}
