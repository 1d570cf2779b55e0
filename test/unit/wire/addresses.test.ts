/** The shared table of addresses. */
import { expect, test } from "bun:test";
import { Addresses, createAddresses } from "../../../src/wire/addresses.ts";

test("addresses count waiting sockets apart and together", () => {
  const memory = createAddresses();
  const [one, other] = [new Addresses(memory), new Addresses(memory)];
  one.enter("10.0.0.1");
  other.enter("10.0.0.1");
  one.enter("10.0.0.2");
  expect([one.waiting("10.0.0.1"), one.waiting("10.0.0.2"), one.waiting("10.0.0.3")]).toEqual([2, 1, 0]);
  one.leave("10.0.0.1");
  expect(other.waiting("10.0.0.1")).toBe(1);
});

test("addresses count failed logins of the current second only", () => {
  const addresses = new Addresses(createAddresses());
  expect(addresses.failedLogins("::1", 1000)).toBe(0);
  addresses.loginFailed("::1", 1000);
  addresses.loginFailed("::1", 1999);
  expect(addresses.failedLogins("::1", 1500)).toBe(2);
  expect(addresses.failedLogins("::1", 2000)).toBe(0);
  addresses.loginFailed("::1", 2000);
  expect(addresses.failedLogins("::1", 2000)).toBe(1);
});
