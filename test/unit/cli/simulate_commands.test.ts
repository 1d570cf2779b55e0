/** What a simulated tracker hears: acknowledgements and commands, in any pieces. */
import { describe, expect, test } from "bun:test";
import { Ear, type Heard } from "../../../src/cli/simulate_commands.ts";
import { encodeCommand } from "../../../src/codec/encode.ts";
import { decodeMessages } from "../../../src/codec/teltonika/command.ts";

const IMEI = "356307042441013";

function hear(bytes: readonly number[]): Heard[] {
  const ear = new Ear(IMEI);
  return bytes.map((byte) => ear.byte(byte)).filter((heard) => heard !== null);
}
const told = (answer: Uint8Array | null) => answer === null ? null : decodeMessages(answer, 8, answer.length - 12);

describe("a simulated tracker", () => {
  test("takes acknowledgements and commands apart", () => {
    const heard = hear([0, 0, 0, 5, ...encodeCommand(12, "getver", IMEI), 0, 0, 0, 255, 0, 0]);
    expect(heard.map(({ kind }) => kind)).toEqual(["ack", "command", "ack"]);
    expect(heard[0]).toEqual({ kind: "ack", count: 5 });
  });

  test("answers a command in its codec, and refuses one for another", () => {
    const answers = [
      encodeCommand(12, "setparam 1:2", IMEI),
      encodeCommand(14, "setparam 1:2", IMEI),
      encodeCommand(14, "a", "356307042441014"),
    ]
      .map((bytes) => hear([...bytes])[0]!)
      .map((heard) => heard.kind === "command" ? told(heard.answer) : null);
    expect(answers).toMatchObject([
      [{ type: 6, text: "New value 1:2", imei: null }],
      [{ type: 6, text: "New value 1:2", imei: IMEI }],
      [{ type: 17, text: "", imei: IMEI }],
    ]);
  });

  test("notices what is neither", () => {
    const wrong = encodeCommand(12, "getver", IMEI);
    wrong[12]!++;
    expect(hear([...wrong])).toEqual([{ kind: "odd" }]);
    expect(hear([0, 0, 0, 0, 0, 0, 0xff, 0xff])).toEqual([{ kind: "odd" }]);
  });

  test("keeps the parameters it is told, also over connections", () => {
    const ear = new Ear(IMEI);
    const ask = (text: string) => {
      const heard = [...encodeCommand(12, text, IMEI)].map((byte) => ear.byte(byte)).findLast((one) => one !== null);
      return heard?.kind === "command" ? told(heard.answer) : null;
    };
    ask("setparam 102:5;2001:a:b");
    ear.clear();
    expect(ask("getparam 102")).toMatchObject([{ text: "Param ID:102 Val:5" }]);
    expect(ask("getparam 2001")).toMatchObject([{ text: "Param ID:2001 Val:a:b" }]);
    expect(ask("getparam 7")).toMatchObject([{ text: "Param ID:7 Val:0" }]);
  });
});
