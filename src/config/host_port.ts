/** HOST:PORT as people write it: `0.0.0.0:5027`, `localhost:0`, `[::1]:8080`. Pure. */
import { parseIp } from "../base/ip_address.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { HostPort } from "./settings.ts";

const NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const FOUR = /^\d+\.\d+\.\d+\.\d+$/;
const isV4 = (host: string): boolean => FOUR.test(host) && parseIp(host) !== null;
const isV6 = (host: string): boolean => host.includes(":") && parseIp(host) !== null;

/** @returns `bad_address` with what is wrong with the text. */
export function parseHostPort(text: string): Result<HostPort, "bad_address"> {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(text);
  if (match === null) {
    return err(
      "bad_address",
      text.includes("::") ? `"${text}" is not HOST:PORT; an IPv6 host stands in brackets, as in [::1]:8080` : `"${text}" is not HOST:PORT`,
    );
  }
  const [, six, other, port] = match;
  if (!/^\d{1,5}$/.test(port!) || Number(port) > 65_535) return err("bad_address", `port "${port}" is not from 0 to 65535`);
  if (six !== undefined) return isV6(six) ? ok({ host: six, port: Number(port) }) : err("bad_address", `"${six}" is not an IPv6 address`);
  const host = other!;
  if (host === "") return err("bad_address", `"${text}" has no host; every address is 0.0.0.0`);
  if (FOUR.test(host) ? !isV4(host) : !NAME.test(host)) return err("bad_address", `"${host}" is not a host`);
  return ok({ host, port: Number(port) });
}

export const formatHostPort = ({ host, port }: HostPort): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

/** Only this machine can reach it. A name other than localhost may resolve to anything. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  return isV4(host) ? host.startsWith("127.") : /^::ffff:127\./i.test(host);
}
