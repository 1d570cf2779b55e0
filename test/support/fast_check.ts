/**
 * How properties are tried, for every test: a list that may have up to n items has up to n. Without this the library makes 10 or so of
 * them, whatever the test says. Loaded before the tests (bunfig.toml), and on Deno with what stands for `bun:test`.
 */
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true });
