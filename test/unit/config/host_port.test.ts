/** Addresses as people write them. */
import { describe, expect, test } from "bun:test";
import { formatHostPort, isLoopback, parseHostPort } from "../../../src/config/host_port.ts";

describe("HOST:PORT", () => {
  test("reads names, IPv4 and bracketed IPv6, and writes them back", () => {
    for (
      const [text, host, port] of [
        ["0.0.0.0:5027", "0.0.0.0", 5027],
        ["localhost:0", "localhost", 0],
        ["gate_way-1.example.org:65535", "gate_way-1.example.org", 65_535],
        ["[::1]:8080", "::1", 8080],
        ["[::]:1", "::", 1],
        ["[fe80::1:2]:1", "fe80::1:2", 1],
        ["[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1],
        ["[1:2:3:4:5:6:7:8]:1", "1:2:3:4:5:6:7:8", 1],
      ] as const
    ) {
      expect(parseHostPort(text)).toEqual({ ok: true, value: { host, port } });
      expect(formatHostPort({ host, port })).toBe(text);
    }
  });

  test("refuses the rest with a reason", () => {
    for (
      const [text, reason] of [
        ["5027", '"5027" is not HOST:PORT'],
        ["", '"" is not HOST:PORT'],
        ["a:b:1", '"a:b:1" is not HOST:PORT'],
        ["::1:80", '"::1:80" is not HOST:PORT; an IPv6 host stands in brackets, as in [::1]:8080'],
        [":80", '":80" has no host; every address is 0.0.0.0'],
        ["a:", 'port "" is not from 0 to 65535'],
        ["a:65536", 'port "65536" is not from 0 to 65535'],
        ["a:-1", 'port "-1" is not from 0 to 65535'],
        ["256.0.0.1:1", '"256.0.0.1" is not a host'],
        ["1.2.3.04:1", '"1.2.3.04" is not a host'],
        ["a b:1", '"a b" is not a host'],
        ["-a:1", '"-a" is not a host'],
        ["[a]:1", '"a" is not an IPv6 address'],
        ["[1:2]:1", '"1:2" is not an IPv6 address'],
        ["[:::]:1", '":::" is not an IPv6 address'],
        ["[12345::]:1", '"12345::" is not an IPv6 address'],
      ] as const
    ) expect(parseHostPort(text)).toEqual({ ok: false, fault: "bad_address", message: reason });
  });

  test("knows which hosts only this machine can reach", () => {
    for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1"]) expect(isLoopback(host)).toBe(true);
    for (const host of ["0.0.0.0", "::", "127.evil.example", "128.0.0.1", "localhost.example"]) expect(isLoopback(host)).toBe(false);
  });
});
