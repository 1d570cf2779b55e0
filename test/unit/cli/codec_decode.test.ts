/** `berth decode` as a user meets it: argument or lines, spaces, what it prints and how it ends. */
import { describe, expect, test } from "bun:test";
import { decode, type DecodeOptions } from "../../../src/cli/decode.ts";
import { VENDOR_VECTORS } from "../../golden/codec_vectors.ts";

const hexOf = (name: string): string => VENDOR_VECTORS.find((vector) => vector.name === name)!.hex;

async function run(options: Partial<DecodeOptions>, input: readonly string[] = []): Promise<{ exit: number; lines: unknown[] }> {
  let out = "";
  const encoder = new TextEncoder();
  const stdin = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of input) controller.enqueue(encoder.encode(chunk));
        controller.close();
      },
    });
  const exit = await decode({ udp: false, names: null, hex: null, frameBytes: 32_768, ...options }, {
    stdin,
    writeOut: (text) => void (out += text),
  });
  expect(out === "" || out.endsWith("\n")).toBe(true);
  return { exit, lines: out.split("\n").slice(0, -1).map((line) => JSON.parse(line) as unknown) };
}

describe("berth decode", () => {
  test("prints the record of a frame given as argument", async () => {
    expect(await run({ hex: hexOf("wiki-codec8-tcp-1") })).toEqual({
      exit: 0,
      lines: [{
        codec: "8",
        imei: null,
        records: [{
          time: 1560161086000,
          priority: 1,
          lon: 0,
          lat: 0,
          altitude: 0,
          angle: 0,
          satellites: 0,
          speed: 0,
          eventId: 1,
          generationType: null,
          io: { "1": "01", "21": "03", "66": "5e0f", "78": "0000000000000000", "241": "0000601a" },
        }],
        crc: "ok",
      }],
    });
  });

  test("names what it knows when asked, and leaves the raw values", async () => {
    const { lines } = await run({ hex: hexOf("wiki-codec8-tcp-1"), names: "fmb" });
    expect(lines).toMatchObject([{
      records: [{
        io: { "66": "5e0f" },
        named: { "66": { name: "External Voltage", value: 24.079, unit: "V" }, "21": { name: "GSM Signal", value: 3 } },
      }],
    }]);
    expect((await run({ hex: hexOf("wiki-imei-handshake"), names: "fmx6" })).lines).toEqual([{ login: "356307042441013" }]);
  });

  test("prints messages, logins and pings", async () => {
    expect((await run({ hex: hexOf("wiki-codec12-rsp-getio") })).lines).toMatchObject([{
      codec: "12",
      messages: [{ type: 6, imei: null, time: null }],
    }]);
    expect(await run({ hex: hexOf("wiki-imei-handshake") })).toEqual({ exit: 0, lines: [{ login: "356307042441013" }] });
    expect(await run({ hex: "ffff" })).toEqual({ exit: 0, lines: [{ ping: 2 }] });
  });

  test("takes one input a line, in any chunks, and leaves out empty lines", async () => {
    const login = hexOf("wiki-imei-handshake").toUpperCase();
    const { exit, lines } = await run({}, [`${login}\r\n\n  \n${login.slice(0, 9)}`, `${login.slice(9)}\n`, hexOf("wiki-codec8-tcp-2")]);
    expect(exit).toBe(0);
    expect(lines).toMatchObject([{ login: "356307042441013" }, { login: "356307042441013" }, { codec: "8" }]);
  });

  test("takes datagrams with --udp", async () => {
    const { exit, lines } = await run({ udp: true }, [`${hexOf("wiki-codec8e-udp")}\n`]);
    expect(exit).toBe(0);
    expect(lines).toMatchObject([{ codec: "8E", imei: "352093086403655", crc: null }]);
  });

  test("ends with 1 when one of several inputs is not valid, having read them all", async () => {
    const { exit, lines } = await run({}, [`${hexOf("wiki-codec14-rsp-nack-as-printed")}\nzz\n${hexOf("wiki-codec8-tcp-2")}\n`]);
    expect(exit).toBe(1);
    expect(lines).toMatchObject([{ fault: "crc_mismatch", offset: 24 }, { fault: "bad_hex", offset: 0 }, {
      codec: "8",
    }]);
  });

  test("takes spaces between digits and says where a wrong character stands", async () => {
    expect((await run({ hex: " 00 0f 3335 36333037303432343431303133" })).lines).toEqual([{ login: "356307042441013" }]);
    expect((await run({ hex: "00 0f 3g" })).lines).toMatchObject([{ fault: "bad_hex", offset: 7 }]);
    expect((await run({ hex: "00 0" })).lines).toMatchObject([{ fault: "bad_hex", offset: 4 }]);
    expect(await run({ hex: "" })).toMatchObject({ exit: 1, lines: [{ fault: "truncated" }] });
  });

  test("reads nothing and says nothing when there is no input", async () => {
    expect(await run({}, [])).toEqual({ exit: 0, lines: [] });
  });
});
