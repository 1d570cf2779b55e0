/** The PROXY protocol's header, both versions. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIp } from "../../../src/base/ip_address.ts";
import { PROXY_VERSIONS, ProxyHeader, type ProxyVersions } from "../../../src/codec/proxy_protocol.ts";
import { v1Header, V2_SIGNATURE, v2Header } from "../../support/proxy_header.ts";

const MAX = 2048;
const text = (line: string): Uint8Array => new TextEncoder().encode(line);

/** What a header is taken for when it comes in pieces of `size`, and how many bytes of all were its own. */
function read(bytes: Uint8Array, size = bytes.length, versions: ProxyVersions = "required") {
  const header = new ProxyHeader(versions, MAX);
  let used = 0;
  for (let at = 0; at < bytes.length && !header.isDone && header.fault === null; at += size) {
    used += header.push(bytes.subarray(at, at + size));
  }
  return { done: header.isDone, fault: header.fault, source: header.source, used };
}
const taken = (source: { address: string; port: number } | null, used: number) => ({ done: true, fault: null, source, used });
const faultOf = (bytes: Uint8Array, versions: ProxyVersions = "required") => {
  const { done, fault } = read(bytes, bytes.length, versions);
  return done ? "done" : fault;
};

describe("PROXY header of version 1", () => {
  test("names the client, whatever the fragments, and leaves what follows", () => {
    const line = v1Header("203.0.113.7", 40_001);
    const all = Uint8Array.from([...line, 0, 15, 0x33]);
    for (const size of [1, 2, 7, all.length]) expect(read(all, size)).toEqual(taken({ address: "203.0.113.7", port: 40_001 }, line.length));
    expect(read(v1Header("2001:DB8:0:0::7", 1)).source).toEqual({ address: "2001:db8::7", port: 1 });
  });

  test("of an unknown client keeps the balancer's address", () => {
    expect(read(text("PROXY UNKNOWN\r\n"))).toEqual(taken(null, 15));
    expect(read(text("PROXY UNKNOWN ffff::1 whatever 1 2\r\nrest")).source).toBeNull();
  });

  test("of 107 bytes is taken, and a longer one is not", () => {
    const longest = text(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`);
    expect(longest).toHaveLength(107);
    expect(faultOf(longest)).toBe("done");
    expect(faultOf(text(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`))).toBe("too_long");
    expect(read(text("PROXY ".padEnd(5000, "x"))).used).toBe(107);
  });

  test.each([
    "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
    "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
    "PROXY TCP4 1.2.3.400 5.6.7.8 1 2\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n",
    "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
    "PROXY \r\n",
  ])("that is %j is refused", (line) => {
    expect(faultOf(text(line))).toBe("malformed");
  });
});

describe("PROXY header of version 2", () => {
  test("names the client, whatever the fragments, and leaves what follows", () => {
    const four = v2Header([203, 0, 113, 7], 40_001, Uint8Array.of(3, 0, 4, 1, 2, 3, 4));
    const all = Uint8Array.from([...four, 0, 15, 0x33]);
    for (const size of [1, 2, 7, 17, all.length]) {
      expect(read(all, size)).toEqual(taken({ address: "203.0.113.7", port: 40_001 }, four.length));
    }
    const six = v2Header([0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7], 65_535);
    for (const size of [1, six.length]) expect(read(six, size)).toEqual(taken({ address: "2001:db8::7", port: 65_535 }, 52));
    expect(read(v2Header([...new Array<number>(10).fill(0), 255, 255, 10, 1, 1, 1], 9)).source).toEqual({ address: "10.1.1.1", port: 9 });
  });

  test("that is local, or of an address without a number, keeps the balancer's address", () => {
    expect(read(v2Header([], 0, undefined, 0))).toEqual(taken(null, 16));
    expect(read(v2Header([], 0, new Uint8Array(9)))).toEqual(taken(null, 25));
    expect(read(v2Header([1, 2, 3, 4], 5, undefined, 0), 1)).toEqual(taken(null, 28));
    expect(read(v2Header(new Array<number>(108).fill(65), 0), 1)).toEqual(taken(null, 232));
  });

  test("is taken up to its bound, of which nothing is kept, and not beyond", () => {
    const largest = v2Header([1, 2, 3, 4], 5, new Uint8Array(MAX - 28));
    expect(read(largest, 100)).toEqual(taken({ address: "1.2.3.4", port: 5 }, MAX));
    expect(faultOf(v2Header([1, 2, 3, 4], 5, new Uint8Array(MAX - 27)))).toBe("too_long");
  });

  test("of another version, command, family or protocol, or too short, is refused", () => {
    const good = v2Header([1, 2, 3, 4], 5);
    for (const [at, value] of [[12, 0x11], [12, 0x31], [12, 0x22], [13, 0x41], [13, 0x13], [15, 11], [13, 0x21]] as const) {
      expect({ at, value, fault: faultOf(good.with(at, value)) }).toEqual({ at, value, fault: "malformed" });
    }
  });
});

describe("PROXY header", () => {
  test("of the other version than the one asked for is none", () => {
    const [one, two] = [v1Header("1.2.3.4", 5), v2Header([1, 2, 3, 4], 5)];
    expect(PROXY_VERSIONS.map((versions) => [faultOf(one, versions), faultOf(two, versions)])).toEqual([
      ["done", "no_header"],
      ["no_header", "done"],
      ["done", "done"],
    ]);
  });

  test("that is none is known by its first wrong byte", () => {
    expect(read(Uint8Array.of(0, 15, 0x33))).toEqual({ done: false, fault: "no_header", source: null, used: 1 });
    expect(read(text("PROXXY"))).toEqual({ done: false, fault: "no_header", source: null, used: 5 });
    expect(read(Uint8Array.of(...V2_SIGNATURE.subarray(0, 11), 1))).toEqual({ done: false, fault: "no_header", source: null, used: 12 });
    expect(faultOf(text("\x16\x03\x01\x02"))).toBe("no_header");
  });

  test("of any bytes in any fragments ends the same, within its bound", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const address = fc.oneof(
      fc.array(byte, { minLength: 4, maxLength: 4 }),
      fc.array(byte, { minLength: 16, maxLength: 16 }),
      fc.constant([]),
    );
    const port = fc.integer({ min: 0, max: 65_535 });
    const tlvs = fc.uint8Array({ maxLength: 40 });
    const base = fc.oneof(
      fc.tuple(address, port, tlvs, fc.constantFrom(0, 1)).map((all) => v2Header(...all)),
      fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), port).map(([from, number]) => v1Header(from, number)),
      fc.uint8Array({ maxLength: 300 }),
    );
    const edits = fc.array(fc.tuple(fc.nat(300), byte), { maxLength: 3 });
    fc.assert(
      fc.property(base, edits, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 }), (bytes, changes, sizes) => {
        const input = Uint8Array.from([...bytes, 1, 2, 3]);
        for (const [at, value] of changes) if (at < input.length) input[at] = value;
        const whole = read(input);
        const header = new ProxyHeader("required", MAX);
        let used = 0;
        for (let at = 0, i = 0; at < input.length && !header.isDone && header.fault === null; i++) {
          const size = sizes[i] ?? 1;
          used += header.push(input.subarray(at, at + size));
          at += size;
        }
        expect({ done: header.isDone, fault: header.fault, source: header.source, used }).toEqual(whole);
        expect(used).toBeLessThanOrEqual(MAX);
        if (changes.length === 0 && bytes[0] === 0x0d && bytes[13] === 0x11 && bytes[12] === 0x21) {
          expect(whole.source?.address).toBe(formatIp(bytes, 16, 4));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
