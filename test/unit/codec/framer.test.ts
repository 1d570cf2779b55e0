/** The framer's rules one by one: what it takes, what it refuses and how early, and how it pauses. */
import { beforeEach, describe, expect, test } from "bun:test";
import { encodeFrame, encodeLogin } from "../../../src/codec/encode.ts";
import { Framer, type FrameSink, Next, violationText } from "../../../src/codec/framer.ts";

const LIMIT = 1300;
const IMEI = "356307042441013";
const LOGIN = encodeLogin(IMEI);
const FRAME = encodeFrame(Uint8Array.of(0x99, 1, 2, 3));
const OTHER = encodeFrame(Uint8Array.of(0x98, 1, 2));

const join = (...parts: (Uint8Array | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const header = (...bytes: number[]): Uint8Array => Uint8Array.from([0, 0, 0, 0, ...bytes]);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

let seen: string[] = [];
/** What the sink answers to its next items; `go` when there is nothing left. */
let answers: Next[] = [];
const answer = (): Next => answers.shift() ?? Next.go;
const sink: FrameSink<string> = {
  login: (context, imei) => (seen.push(`${context} login ${imei}`), answer()),
  frame: (
    context,
    bytes,
    start,
    length,
  ) => (seen.push(`${context} frame ${[...bytes.subarray(start, start + length)].join(",")}`), answer()),
  badCrc: (context, _bytes, _start, length) => (seen.push(`${context} badCrc ${length}`), answer()),
  ping: (context, count) => void seen.push(`${context} ping ${count}`),
  violation: (context, fault, offset, value) => void seen.push(`${context} ${fault} ${offset} ${value}`),
};
const framer = (loggedIn = false): Framer<string> => new Framer(sink, "c", LIMIT, loggedIn);

beforeEach(() => {
  seen = [];
  answers = [];
});

describe("framer", () => {
  test("cuts a glued login, frames and pings", () => {
    framer().push(join(LOGIN, FRAME, [0xff, 0xff], OTHER, [0xff]));
    expect(seen).toEqual([`c login ${IMEI}`, "c frame 153,1,2,3", "c ping 2", "c frame 152,1,2", "c ping 1"]);
  });

  test("gives the same for one byte at a time", () => {
    const f = framer();
    for (const byte of join(LOGIN, FRAME, [0xff], OTHER)) f.push(Uint8Array.of(byte));
    expect(seen).toEqual([`c login ${IMEI}`, "c frame 153,1,2,3", "c ping 1", "c frame 152,1,2"]);
    expect(f.heldBytes).toBe(0);
  });

  test("hands a whole frame over in place, also behind the rest of another", () => {
    const places: Uint8Array[] = [];
    const f = new Framer({ ...sink, frame: (_c, bytes) => (places.push(bytes), Next.go) }, "c", LIMIT, true);
    const chunk = join(FRAME.subarray(5), OTHER);
    f.push(FRAME.subarray(0, 5));
    f.push(chunk);
    expect(places.length).toBe(2);
    expect(places[0]).not.toBe(chunk);
    expect(places[1]).toBe(chunk);
  });

  test("does not keep the caller's chunk", () => {
    const f = framer(true);
    const chunk = FRAME.slice(0, 10);
    f.push(chunk);
    chunk.fill(0xee);
    f.push(FRAME.subarray(10));
    expect(seen).toEqual(["c frame 153,1,2,3"]);
  });

  test("keeps received bytes only, whatever length is declared", () => {
    const f = framer(true);
    f.push(header(0, 0, 5, 0x14));
    expect(f.heldBytes).toBe(8);
    expect(seen).toEqual([]);
  });

  test("an empty chunk changes nothing", () => {
    const f = framer();
    f.push(new Uint8Array(0));
    f.push(LOGIN);
    expect(seen).toEqual([`c login ${IMEI}`]);
  });
});

describe("framer refuses", () => {
  const cases: [string, boolean, Uint8Array, string][] = [
    ["HTTP by its first byte", false, ascii("G"), "bad_login 0 71"],
    ["a TLS hello by its first byte", false, Uint8Array.of(0x16), "bad_login 0 22"],
    ["another login length by its second byte", false, Uint8Array.of(0, 5), "bad_login 1 5"],
    ["a ping before the login", false, Uint8Array.of(0xff), "bad_login 0 255"],
    ["a frame before the login", false, FRAME, "bad_login 1 0"],
    ["a login with a letter", false, join([0, 15], ascii("35630704244101A")), "bad_login 16 65"],
    ["a preamble by its first wrong byte", true, Uint8Array.of(7), "bad_preamble 0 7"],
    ["a preamble wrong in its last byte", true, Uint8Array.of(0, 0, 0, 1), "bad_preamble 3 1"],
    ["a second login", true, LOGIN, "bad_preamble 1 15"],
    ["a length below 3", true, header(0, 0, 0, 2), "bad_length 4 2"],
    ["a length over the limit", true, header(0, 0, 5, 0x15), "too_long 4 1301"],
    ["a negative length by its first byte", true, header(0x80), `too_long 4 ${2 ** 31}`],
    ["a huge length before its last byte", true, header(0, 0, 0xff), "too_long 4 65280"],
  ];
  for (const [what, loggedIn, bytes, expected] of cases) {
    test(`${what}, whole and byte by byte, and ends`, () => {
      for (const chunks of [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))]) {
        seen = [];
        const f = framer(loggedIn);
        for (const chunk of chunks) f.push(chunk);
        expect(seen).toEqual([`c ${expected}`]);
        expect(f.ended).toBe(true);
        expect(f.heldBytes).toBe(0);
        f.push(join(LOGIN, FRAME));
        expect(seen.length).toBe(1);
      }
    });
  }

  test("takes the longest frame and the shortest", () => {
    const f = framer(true);
    f.push(join(encodeFrame(new Uint8Array(LIMIT)), encodeFrame(Uint8Array.of(1, 0, 0))));
    expect(seen.length).toBe(2);
    expect(f.ended).toBe(false);
  });

  test("a wrong CRC, in the low and in the high half", () => {
    for (const at of [1, 3]) {
      const wrong = FRAME.slice();
      wrong[FRAME.length - at]! ^= 1;
      answers = [Next.stop];
      const f = framer(true);
      f.push(join(wrong, FRAME));
      expect(f.ended).toBe(true);
    }
    expect(seen).toEqual(["c badCrc 4", "c badCrc 4"]);
  });

  test("every fault has a sentence", () => {
    expect(violationText("too_long", 4, 70000, 32768)).toBe("Cannot parse frame: length 70000 exceeds 32768");
    expect(violationText("bad_login", 0, 71, 1)).toContain("byte 71 at offset 0");
    expect(violationText("bad_preamble", 3, 1, 1)).toContain("byte 1 at offset 3");
    expect(violationText("bad_length", 4, 2, 1)).toContain("length 2 is below 3");
  });
});

describe("framer pauses", () => {
  test("after a login that is not decided, with the frames behind it kept", () => {
    answers = [Next.pause];
    const f = framer();
    f.push(join(LOGIN, FRAME));
    f.push(OTHER);
    expect(seen).toEqual([`c login ${IMEI}`]);
    expect(f.paused).toBe(true);
    expect(f.heldBytes).toBe(FRAME.length + OTHER.length);
    f.resume();
    expect(seen.slice(1)).toEqual(["c frame 153,1,2,3", "c frame 152,1,2"]);
    expect(f.heldBytes).toBe(0);
  });

  test("at a frame there is no room for, and offers it again", () => {
    answers = [Next.again, Next.again, Next.go, Next.again];
    const f = framer(true);
    f.push(join(FRAME, OTHER, FRAME.subarray(0, 9)));
    f.resume();
    expect(seen).toEqual(["c frame 153,1,2,3", "c frame 153,1,2,3"]);
    expect(f.heldBytes).toBe(FRAME.length + OTHER.length + 9);
    f.resume();
    expect(f.paused).toBe(true);
    f.push(FRAME.subarray(9));
    f.resume();
    expect(seen.slice(2)).toEqual(["c frame 153,1,2,3", "c frame 152,1,2", "c frame 152,1,2", "c frame 153,1,2,3"]);
    expect(f.heldBytes).toBe(0);
  });

  test("inside a frame that arrived in pieces", () => {
    answers = [Next.again];
    const f = framer(true);
    f.push(FRAME.subarray(0, 6));
    f.push(join(FRAME.subarray(6), OTHER));
    expect(f.heldBytes).toBe(FRAME.length + OTHER.length);
    f.resume();
    expect(seen).toEqual(["c frame 153,1,2,3", "c frame 153,1,2,3", "c frame 152,1,2"]);
  });

  test("and takes a rest on with the next chunk", () => {
    answers = [Next.pause];
    const f = framer(true);
    f.push(join(FRAME, OTHER.subarray(0, 3)));
    f.resume();
    expect(f.heldBytes).toBe(3);
    f.push(OTHER.subarray(3));
    expect(seen).toEqual(["c frame 153,1,2,3", "c frame 152,1,2"]);
  });

  test("not for ever: what is wrong behind the pause is found at resume", () => {
    answers = [Next.pause];
    const f = framer();
    f.push(join(LOGIN, [1]));
    expect(f.ended).toBe(false);
    f.resume();
    expect(seen.slice(1)).toEqual(["c bad_preamble 0 1"]);
  });

  test("and a stop drops everything", () => {
    answers = [Next.stop];
    const f = framer();
    f.push(join(LOGIN, FRAME));
    f.resume();
    f.push(FRAME);
    expect(seen).toEqual([`c login ${IMEI}`]);
    expect(f.heldBytes).toBe(0);
  });

  test("and an end inside the sink's call ends it", () => {
    const f: Framer<string> = new Framer({ ...sink, frame: () => (seen.push("frame"), f.end(), Next.go) }, "c", LIMIT, true);
    f.push(join(FRAME, OTHER));
    expect(seen).toEqual(["frame"]);
    expect(f.ended).toBe(true);
  });
});
