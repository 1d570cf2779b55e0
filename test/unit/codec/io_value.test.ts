/** Named, scaled IO values beside the raw ones. */
import { expect, test } from "bun:test";
import { namedValues } from "../../../src/codec/io_value.ts";
import { IO_FAMILIES, ioElements } from "../../../src/codec/teltonika/io_names.ts";

test("a known value has its name, scale and unit; an unknown one stays raw", () => {
  expect(namedValues({ 66: "5e0f", 21: "03", 239: "01", 9999: "aabb" }, "fmb")).toEqual({
    66: { name: "External Voltage", value: 24.079, unit: "V" },
    21: { name: "GSM Signal", value: 3 },
    239: { name: "Ignition", value: 1 },
  });
});

test("signed values are signed by the width they came with", () => {
  expect(namedValues({ 17: "fff0", 72: "ffffff9c", 32: "d8" }, "fmb")).toEqual({
    17: { name: "Axis X", value: -16, unit: "mG" },
    72: { name: "Dallas Temperature 1", value: -10, unit: "°C" },
    32: { name: "Coolant Temperature", value: -40, unit: "°C" },
  });
});

test("identities stay hexadecimal, text is text, and what a number cannot hold is decimal text", () => {
  expect(namedValues({ 78: "01a2b3c4d5e6f708", 256: "574155545845", 11: "ffffffffffffffff", 16: "" }, "fmb")).toEqual({
    78: { name: "iButton", value: "01a2b3c4d5e6f708" },
    256: { name: "VIN", value: "WAUTXE" },
    11: { name: "ICCID1", value: "18446744073709551615" },
  });
  // Scaled it is no count any more, and a number whatever its width.
  expect(namedValues({ 66: "0000000000005e0f" }, "fmb")[66]).toEqual({ name: "External Voltage", value: 24.079, unit: "V" });
  expect(namedValues({ 256: "41000d" }, "fmb")[256]!.value).toBe("A..");
});

test("values of any length are text where they are text, and bytes where they are tags", () => {
  expect(namedValues({ 281: "5030333030", 325: "574155", 385: "11210102", 548: "00ff", 25: "fc18" }, "fmb")).toEqual({
    25: { name: "BLE Temperature 1", value: -10, unit: "°C" },
    281: { name: "Fault Codes", value: "P0300" },
    325: { name: "VIN", value: "WAU" },
    385: { name: "Beacon", value: "11210102" },
    548: { name: "Advanced BLE Beacon Data", value: "00ff" },
  });
});

test("families differ where the vendor's lists do", () => {
  expect(namedValues({ 10: "2ee0" }, "fmx6")).toEqual({ 10: { name: "Analog Input 2", value: 12, unit: "V" } });
  expect(namedValues({ 10: "01" }, "fmb")).toEqual({ 10: { name: "SD Status", value: 1 } });
  expect(namedValues({ 31: "20" }, "fmx6")).toEqual({});
});

test.each([...IO_FAMILIES])("the table of %s is in order, without repeats, each with a name and a scale", (family) => {
  const ids = [...ioElements(family).keys()];
  expect(ids).toEqual([...ids].toSorted((a, b) => a - b));
  for (const { name, scale } of ioElements(family).values()) expect([name.trim() === name && name !== "", scale > 0]).toEqual([true, true]);
});
