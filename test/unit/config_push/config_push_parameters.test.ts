/** Configurations of parameters: which are some, how they are set, and what a tracker's answer says of one. */
import { describe, expect, test } from "bun:test";
import { getText, isParameters, mismatch, parametersOf, setTexts } from "../../../src/config_push/parameters.ts";

const of = (value: object, most = 64, textBytes = 1000) => parametersOf(JSON.stringify(value), most, textBytes);

describe("a configuration of parameters", () => {
  test("is a flat object of parameter ids, with one at least", () => {
    for (const value of [{ 1: 2 }, { 2001: "internet", 102: -0.5 }, { 1: "" }]) expect(isParameters(JSON.stringify(value))).toBe(true);
    for (const value of [{}, [], [1], null, 1, "1", { 1: null }, { 1: true }, { 1: { 2: 3 } }, { a: 1 }, { 1: 2, a: 1 }, { 1234567: 1 }]) {
      expect(isParameters(JSON.stringify(value))).toBe(false);
    }
  });

  test("is refused by name when it cannot be sent", () => {
    const said = (result: ReturnType<typeof of>) => result.ok ? "ok" : result.message;
    expect(said(of({ 1: "a;b" }))).toBe('the value of parameter 1 is not printable ASCII without ";"');
    expect(said(of({ 1: "ä" }))).toContain("parameter 1");
    expect(said(of({ 1: "x\n" }))).toContain("parameter 1");
    expect(said(of({ 1: 1, 2: 2, 3: 3 }, 2))).toBe("3 parameters exceed 2");
    expect(said(of({ 1: "x".repeat(20) }, 64, 30))).toBe("the value of parameter 1 is too long");
    expect(said(of({ 1: "x".repeat(19) }, 64, 30))).toBe("ok");
  });

  test("shares commands up to the length of a short message", () => {
    const value = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [String(1000 + i), `value${i}`]));
    const parameters = of(value);
    const texts = setTexts(parameters.ok ? parameters.value : []);
    expect(texts.every((text) => text.startsWith("setparam ") && text.length <= 160)).toBe(true);
    expect(texts.flatMap((text) => text.slice(9).split(";"))).toEqual(Object.entries(value).map(([id, one]) => `${id}:${one}`));
    expect(texts.length).toBe(4);
    expect(setTexts([{ id: "1", value: "x".repeat(300) }])).toEqual([`setparam 1:${"x".repeat(300)}`]);
  });

  test("is read back as devices spell it", () => {
    expect(getText({ id: "102", value: "5" })).toBe("getparam 102");
    for (const response of ["Param ID:102 Val:5", "Param ID:102 Value:5", "param id: 102 val: 5\r\n", "Param ID:102 New Val:5.0"]) {
      expect(mismatch({ id: "102", value: "5" }, response)).toBeNull();
    }
    expect(mismatch({ id: "2001", value: "" }, "Param ID:2001 Val:")).toBeNull();
    expect(mismatch({ id: "102", value: "5" }, "Param ID:102 Val:")).toBe('parameter 102 is "", not "5"');
    expect(mismatch({ id: "102", value: "" }, "Param ID:102 Val:0")).toBe('parameter 102 is "0", not ""');
    expect(mismatch({ id: "102", value: "5" }, "Param ID:103 Val:5")).toBe('parameter 102 cannot be read: "Param ID:103 Val:5"');
    expect(mismatch({ id: "102", value: "5" }, "Unknown command")).toBe('parameter 102 cannot be read: "Unknown command"');
  });
});
