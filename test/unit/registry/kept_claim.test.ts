/** What stays of a claim. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Claim } from "../../../src/registry/event.ts";
import { KeptClaim } from "../../../src/registry/kept_claim.ts";
import { TRANSPORTS } from "../../../src/wire/control.ts";

const name = fc.oneof(fc.constant(""), fc.string({ maxLength: 4 }));
const claims = fc.record({
  type: fc.constant("claim" as const),
  ring: fc.nat(20),
  conn: fc.nat(2 ** 32 - 1),
  device: fc.constant("356307042441013"),
  deviceClass: name,
  transport: fc.nat(TRANSPORTS.length - 1),
  address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("", "0.0.0.0", "01.2.3.4")),
  port: fc.nat(65_535),
  clientInstance: name,
  tls: name,
  at: fc.nat(2 ** 41),
  dialled: fc.boolean(),
  spares: fc.boolean(),
  takesCommands: fc.boolean(),
});

test("a kept claim says all that the claim said but its device", () => {
  fc.assert(fc.property(claims, (claim) => {
    const { type: _type, device: _device, ...rest } = claim;
    const kept = new KeptClaim(claim);
    const said = Object.fromEntries(Object.keys(rest).map((key) => [key, kept[key as keyof KeptClaim]]));
    expect(said).toEqual(rest);
  }));
});

test("two kept claims are of one address when their texts are", () => {
  const address = fc.constantFrom("10.0.0.7", "10.0.0.8", "::1", "");
  fc.assert(fc.property(claims, claims, address, address, (one, other, first, second) => {
    const [a, b] = [new KeptClaim({ ...one, address: first }), new KeptClaim({ ...other, address: second })];
    expect(a.hasAddressOf(b)).toBe(first === second);
  }));
});

test("what a claim leaves out is no", () => {
  const claim: Claim = {
    type: "claim",
    ring: 1,
    conn: 2,
    device: "a",
    deviceClass: "",
    transport: 0,
    address: "10.0.0.7",
    port: 5027,
    clientInstance: "",
    at: 3,
    dialled: false,
  };
  const { tls, spares, takesCommands } = new KeptClaim(claim);
  expect([tls, spares, takesCommands]).toEqual(["", false, false]);
});
