/**
 * Two gateways that dial each other, round after round: does exactly one connection survive, and do both agree which? The
 * delays of dials are divided by 100, each piece on the network between them is late by up to 0, 20, 60 or 100 ms, and each round
 * begins with a reset of everything. Prints one line per policy and transport.
 *
 *   bun bench/load/peers.ts [rounds = 500]
 */
import { endEverything } from "../../test/support/gateway.ts";
import { PeerPair } from "../../test/support/peer_pair.ts";
import { PEER_POLICIES, type PeerPolicy } from "../../src/wire/peer_line.ts";

async function run(policy: PeerPolicy, kind: "tcp" | "ws", rounds: number): Promise<boolean> {
  const pair = await PeerPair.start({ policy, kind, seed: 1 });
  let agreed = 0;
  let met = 0;
  let byBigger = 0;
  const took: number[] = [];
  await pair.agreed();
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    pair.cut();
    const { dialler, mostLive } = await pair.agreed();
    agreed++;
    if (mostLive > 1) met++;
    if (dialler === "bravo") byBigger++;
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  const at = (share: number): number => Math.round(took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? 0);
  console.log(
    `${policy} ${kind}: ${agreed} of ${rounds} rounds ended with one connection both name; two met in ${met}, ` +
      `the bigger identity's stayed in ${byBigger}; ms to the end p50 ${at(0.5)}, p99 ${at(0.99)}`,
  );
  await pair.stop();
  return agreed === rounds;
}

const rounds = Number(process.argv[2] ?? 500);
let held = true;
for (const kind of ["tcp", "ws"] as const) {
  const all = await Promise.all(PEER_POLICIES.map((policy) => run(policy, kind, rounds)));
  held &&= all.every(Boolean);
}
await endEverything();
process.exit(held ? 0 : 1);
