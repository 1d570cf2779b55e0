/** The registry's step alone, without its rings: logins, takeovers and questions among ten thousand devices. */
import { limitsWith } from "../src/base/limits.ts";
import { Effects } from "../src/registry/effect.ts";
import type { Claim, Close } from "../src/registry/event.ts";
import { step } from "../src/registry/registry.ts";
import { createRegistry, type RegistryStart, type RegistryState } from "../src/registry/state.ts";
import { END_REASONS } from "../src/wire/control.ts";
import type { Case, Suite } from "./suite.ts";

const DEVICES = 10_000;
const AT = 1_760_000_000_000;

const names = Array.from({ length: DEVICES }, (_, i) => `35${String(i * 7919).padStart(13, "0")}`);

const claimOf = (device: string, conn: number): Claim => ({
  type: "claim",
  ring: 0,
  conn,
  device,
  deviceClass: "",
  transport: 0,
  address: "10.0.0.1",
  port: 40_000,
  clientInstance: "",
  at: AT,
  dialled: false,
});

const closeOf = (device: string, conn: number): Close => ({
  type: "close",
  ring: 0,
  conn,
  device,
  fence: 0,
  position: 0,
  reason: END_REASONS.indexOf("closed"),
  lastByteAt: AT,
  at: AT,
});

const registry = (more: Partial<RegistryStart> = {}): RegistryState =>
  createRegistry({ admitUnknown: true, limits: limitsWith(), devices: names, counter: 1, counterEnd: Infinity, ...more });

function loginAndClose(): Case {
  const state = registry();
  const out = new Effects();
  const claims = names.map(claimOf);
  const closes = names.map(closeOf);
  let i = 0;
  const run = (): number => {
    i = (i + 1) % DEVICES;
    out.clear();
    step(state, claims[i]!, 0, out);
    step(state, closes[i]!, 0, out);
    return out.length;
  };
  if (run() !== 3) throw new Error("Cannot log a device in and out");
  return { name: "login and close", unit: "step", units: 2, run };
}

function takeover(): Case {
  const state = registry();
  const out = new Effects();
  const claims = names.map(claimOf);
  for (const claim of claims) {
    out.clear();
    step(state, claim, 0, out);
  }
  let i = 0;
  const run = (): number => {
    i = (i + 1) % DEVICES;
    out.clear();
    step(state, claims[i]!, 0, out);
    return out.length;
  };
  if (run() !== 3) throw new Error("Cannot take a device over");
  return { name: "takeover", unit: "step", units: 1, run };
}

/** Ten classes, the last of which fits, with two connections a device: every claim looks through them and through the holders. */
function multi(): Case {
  const classes = Array.from({ length: 10 }, (_, i) => ({
    name: `c${i}`,
    match: i === 9 ? "35*" : `${i}-*`,
    transport: null,
    policy: { name: "multi", connections: 2 } as const,
  }));
  const state = registry({ classes });
  const out = new Effects();
  const claims = names.map(claimOf);
  for (const claim of [...claims, ...claims]) {
    out.clear();
    step(state, claim, 0, out);
  }
  let i = 0;
  const run = (): number => {
    i = (i + 1) % DEVICES;
    out.clear();
    step(state, claims[i]!, 0, out);
    return out.length;
  };
  if (run() !== 3 || state.living !== 2 * DEVICES) throw new Error("Cannot replace the older of two");
  return { name: "third of multi(2), ten classes", unit: "step", units: 1, run };
}

/** A newcomer waits, the holder's probe is answered, the newcomer is refused. */
function reject(): Case {
  const state = registry({ policy: { name: "reject", connections: 1 } });
  const out = new Effects();
  const claims = names.map(claimOf);
  const probed = names.map((device, i) => {
    out.clear();
    step(state, claims[i]!, 0, out);
    return { type: "probed", device, fence: state.owners.get(device as never)!.fence as number, answers: true } as const;
  });
  let i = 0;
  const run = (): number => {
    i = (i + 1) % DEVICES;
    out.clear();
    step(state, claims[i]!, 0, out);
    step(state, probed[i]!, 0, out);
    return out.length;
  };
  if (run() !== 3) throw new Error("Cannot refuse after a probe");
  return { name: "reject after a probe", unit: "step", units: 2, run };
}

function question(): Case {
  const state = registry();
  const out = new Effects();
  const asks = names.map((device) => ({ type: "ask", ring: 0, request: 1, device }) as const);
  let i = 0;
  const run = (): number => {
    i = (i + 1) % DEVICES;
    out.clear();
    step(state, asks[i]!, 0, out);
    return out.length;
  };
  return { name: "ask for an owner", unit: "step", units: 1, run };
}

export const registrySuite = (): Suite => ({ name: "registry", cases: [loginAndClose(), takeover(), multi(), reject(), question()] });
