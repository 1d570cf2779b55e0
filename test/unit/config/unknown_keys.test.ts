/** A key or table of the configuration that there is not: which it is, and what it may have been meant for. */
import { expect, test } from "bun:test";
import { loadConfig } from "../../../src/config/load.ts";

function problems(toml: string, environment: Record<string, string> = {}): string[] {
  const result = loadConfig({ file: toml === "" ? null : { path: "berth.toml", text: toml }, environment, flags: {} });
  return result.ok ? [] : result.message.split("\n");
}

test("an unknown key is named with the nearest known one", () => {
  const [line] = problems("[tcp]\nidle_timout_ms = 1\n");
  expect(line).toStartWith(
    "berth.toml:2: unknown key [tcp] idle_timout_ms. Did you mean idle_timeout_ms? Allowed: listen, accept, proxy_protocol, proxy_from, frame_bytes, ",
  );
  expect(problems("polcy = 1\n")[0]).toStartWith("berth.toml:1: unknown key polcy. Did you mean policy? Allowed: data, workers, ");
  expect(problems("[jurnal]\na = 1\n")).toEqual([
    'berth.toml:2: unknown table [jurnal]. Did you mean journal? Allowed: [tcp], [tcp.tls], [udp], [http], [admission], [peer], [rings], [journal], [conflict], [command], [config], [tls], [access], [process], [[classes]], [devices."ID"], [[peers]]',
  ]);
  expect(problems("", { BERTH_TCP_LISTEN: "a" })).toEqual(["BERTH_TCP_LISTEN: no such setting. Did you mean BERTH_TCP__LISTEN?"]);
  expect(problems("", { BERTH_TCP__LISTEN__X: "a" })).toEqual(["BERTH_TCP__LISTEN__X: no such setting. Did you mean BERTH_TCP__LISTEN?"]);
});

test("a table of entries that is not known is told like those of settings", () => {
  expect(problems("[[clases]]\nname = 'a'\n")[0]).toStartWith("berth.toml:1: unknown key clases. Did you mean classes? Allowed: data, ");
  expect(problems("[[peer]]\nidentity = 'a'\n")[0]).toEndWith(', [[classes]], [devices."ID"], [[peers]]');
  expect(problems("[device.12]\npolicy = 'reject'\n")[0]).toStartWith(
    "berth.toml:1: unknown table [device]. Did you mean devices? Allowed: [tcp], ",
  );
});
