/**
 * kill -9 with commands in flight, round after round on one data directory; then everything accepted is judged.
 *
 *   bun bench/load/commands.ts [--rounds 50] [--seed 1]
 *
 * Exit 1 when a command came on the wire twice, has not exactly one end, or was completed by the answer to another.
 */
import { writeSync } from "node:fs";
import { CommandRounds } from "../../test/support/command_rounds.ts";
import { endEverything } from "../../test/support/gateway.ts";

const option = (name: string, otherwise: string): string => {
  const at = Bun.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Bun.argv[at + 1] ?? otherwise;
};
const print = (line: string): void => void writeSync(1, `${line}\n`);

if (import.meta.main) {
  const rounds = new CommandRounds(Number(option("seed", "1")));
  const count = Number(option("rounds", "50"));
  let written = 0;
  print("round  accepted  written  ended before the kill");
  for (let round = 1; round <= count; round++) {
    const one = await rounds.round();
    written += one.written;
    print(
      `${String(round).padStart(5)}  ${String(one.accepted).padStart(8)}  ${String(one.written).padStart(7)}  ${
        String(one.ended).padStart(5)
      }`,
    );
  }
  const { accepted, byState, faults } = await rounds.judge();
  for (const fault of faults) print(fault);
  print(
    `${count} kills: ${accepted} commands accepted, ${written} written before a kill, ended as ${
      JSON.stringify(byState)
    }, faults ${faults.length}`,
  );
  await endEverything();
  process.exit(faults.length === 0 && accepted > 0 ? 0 : 1);
}
