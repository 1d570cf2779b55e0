/** IP addresses and networks as text. */
import { expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { formatIp, isWithin, type Network, parseIp, parseNetwork } from "../../../src/base/ip_address.ts";

const formed = (text: string): string | null => {
  const bytes = parseIp(text);
  return bytes === null ? null : formatIp(bytes, 0, bytes.length === 4 ? 4 : 16);
};

test("address is written as RFC 5952 says", () => {
  expect(formed("10.0.0.1")).toBe("10.0.0.1");
  expect(formed("2001:DB8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1");
  expect(formed("0:0:0:0:0:0:0:0")).toBe("::");
  expect(formed("1:2:3:4:5:6:7:8")).toBe("1:2:3:4:5:6:7:8");
  expect(formed("1::")).toBe("1::");
  expect(formed("64:ff9b::192.0.2.33")).toBe("64:ff9b::c000:221");
});

test("address of IPv4 in IPv6 is the IPv4 one", () => {
  expect(formed("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(formed("::ffff:c000:201")).toBe("192.0.2.1");
  expect(formed("::192.0.2.1")).toBe("::c000:201");
});

test("text that is no address is none", () => {
  for (
    const text of [
      "",
      "1",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4.5",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
      "g::",
      "12345::",
      "::1.2.3.4:5",
      "1.2.3.4::",
      "fe80::1%eth0",
      " ::1",
    ]
  ) {
    expect({ text, bytes: parseIp(text) }).toEqual({ text, bytes: null });
  }
});

test("address is one exactly where the system says so, and survives being written", () => {
  const part = fc.constantFrom("", "0", "1", "ffff", "10", "g", "255", ":", "::", ".", "1.2.3.4", "00", "12345");
  const odd = fc.array(part, { maxLength: 9 }).map((parts) => parts.join(":"));
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), odd), (text) => {
      expect(parseIp(text) !== null).toBe(isIP(text) !== 0);
      const written = formed(text);
      if (written !== null) expect(parseIp(written)).toEqual(parseIp(text));
    }),
    { numRuns: 2000 },
  );
});

test("network covers what begins with its bits", () => {
  const networks = ["10.0.0.0/8", "192.168.4.0/22", "127.0.0.1", "2001:db8::/33", "0.0.0.0/32"].map((text) =>
    parseNetwork(text)
  ) as Network[];
  for (const inside of ["10.255.1.2", "192.168.7.255", "127.0.0.1", "2001:db8:7fff::1", "::ffff:10.1.1.1", "0.0.0.0"]) {
    expect(isWithin(networks, inside)).toBe(true);
  }
  for (const outside of ["11.0.0.0", "192.168.8.0", "127.0.0.2", "2001:db8:8000::", "::", "nobody", "0.0.0.1"]) {
    expect(isWithin(networks, outside)).toBe(false);
  }
  expect(isWithin([parseNetwork("0.0.0.0/0")!], "203.0.113.9")).toBe(true);
  expect(isWithin([parseNetwork("0.0.0.0/0")!], "::1")).toBe(false);
});

test("network with bits that do not count, or too many, is refused", () => {
  for (const text of ["10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "x/8", "10.0.0.0/-1"]) {
    expect(parseNetwork(text)).toBeNull();
  }
});
