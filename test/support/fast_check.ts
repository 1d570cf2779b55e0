/**
 * How properties are tried, for every test: a list that may have up to n items has up to n. Without this the library makes 10 or so of
 * them, whatever the test says. And every run tries the same cases, as simulations and storms do: a failure is found by whoever makes it,
 * not some day by somebody else. Loaded before the tests (bunfig.toml), and on Deno with what stands for `bun:test`.
 *
 *   BERTH_PROPERTY_SEED   other cases (1)
 */
import process from "node:process";
import fc from "fast-check";

const seed = Number(process.env["BERTH_PROPERTY_SEED"] ?? 1);
fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true, seed });
