/** Addresses in the kernel's form and in ours. */
import { expect, test } from "bun:test";
import { listenError, peerOf, plainAddress, sockaddr } from "../../../src/platform/address.ts";

const roundTrip = (host: string, port: number) => peerOf(new DataView(sockaddr(host, port).bytes.buffer));

test("address survives the kernel's form", () => {
  expect(roundTrip("0.0.0.0", 5027)).toEqual({ address: "0.0.0.0", port: 5027 });
  expect(roundTrip("192.168.255.1", 65535)).toEqual({ address: "192.168.255.1", port: 65535 });
  expect(roundTrip("localhost", 1)).toEqual({ address: "127.0.0.1", port: 1 });
  expect(roundTrip("::", 80)).toEqual({ address: "::", port: 80 });
  expect(roundTrip("::1", 80)).toEqual({ address: "::1", port: 80 });
  expect(roundTrip("[fe80::1]", 80)).toEqual({ address: "fe80::1", port: 80 });
  expect(roundTrip("2001:db8:0:1:0:0:0:5", 80)).toEqual({ address: "2001:db8:0:1::5", port: 80 });
  expect(roundTrip("1:2:3:4:5:6:7:8", 80)).toEqual({ address: "1:2:3:4:5:6:7:8", port: 80 });
  expect(roundTrip("2001:db8::", 80)).toEqual({ address: "2001:db8::", port: 80 });
  expect(roundTrip("1:0:3:4:5:6:7:8", 80)).toEqual({ address: "1:0:3:4:5:6:7:8", port: 80 });
});

test("address of an IPv4 peer on an IPv6 socket is shown as IPv4", () => {
  expect(roundTrip("::ffff:10.1.2.3", 9)).toEqual({ address: "10.1.2.3", port: 9 });
  expect(plainAddress("::ffff:10.1.2.3")).toBe("10.1.2.3");
  expect(plainAddress("::ffff:1:2")).toBe("::ffff:1:2");
  expect(plainAddress("::1")).toBe("::1");
});

test("address that is a name is refused", () => {
  expect(() => sockaddr("example.org", 1)).toThrow("Cannot listen on example.org: it is not an IP address");
  const codes: unknown[] = [];
  try {
    sockaddr("example.org", 1);
  } catch (error) {
    codes.push((error as { code?: unknown }).code);
  }
  expect(codes).toEqual(["EINVAL"]);
});

test("listen error names host, port and reason", () => {
  expect(listenError("::1", 80, "EACCES", "x").message).toBe("Cannot listen on ::1:80: permission denied");
  expect(listenError("::1", 80, "E999", "odd").message).toBe("Cannot listen on ::1:80: odd");
});
