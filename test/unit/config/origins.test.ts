/** Origins as the configuration has them. */
import { expect, test } from "bun:test";
import { parseOrigins } from "../../../src/config/origins.ts";

test("origins are scheme, host and port, and nothing else", () => {
  expect(parseOrigins("")).toEqual([]);
  expect(parseOrigins("https://fleet.example, http://localhost:3000")).toEqual(["https://fleet.example", "http://localhost:3000"]);
  for (
    const text of ["*", "fleet.example", "https://fleet.example/", "https://a.example/x", "ftp://a.example", "https://u@a.example", "null"]
  ) {
    expect(parseOrigins(text)).toBeNull();
  }
});
