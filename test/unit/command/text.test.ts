/** What may be the text of a command. */
import { describe, expect, test } from "bun:test";
import { commandText } from "../../../src/command/text.ts";

const said = (text: string, most = 20): string => {
  const checked = commandText(text, most);
  return checked.ok ? checked.value : checked.message;
};

describe("the text of a command", () => {
  test("is printable ASCII, unchanged", () => {
    for (const text of ["getinfo", " setparam 2001:a b~", "x".repeat(20)]) expect(said(text)).toBe(text);
  });

  test("is refused with the place of what is wrong", () => {
    expect(said("")).toBe("Cannot send command: it is empty");
    expect(said("x".repeat(21))).toBe("Cannot send command: length 21 exceeds 20");
    expect(said("getinfo\r\n")).toBe("Cannot send command: character 8 is not printable ASCII (0x0d)");
    expect(said("\u0000")).toBe("Cannot send command: character 1 is not printable ASCII (0x00)");
    expect(said("caf\u00e9")).toBe("Cannot send command: character 4 is not printable ASCII (0xe9)");
    expect(said("a\u007f")).toBe("Cannot send command: character 2 is not printable ASCII (0x7f)");
  });
});
