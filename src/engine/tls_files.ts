/** Certificates and keys from their files, as PEM. Read at the start, and again on SIGHUP, by each thread that listens with TLS. */
import type { Settings } from "../config/settings.ts";
import type { Platform } from "../platform/port.ts";
import type { Tls, TlsOffer } from "../platform/tls_port.ts";

/** @throws Error with a code, as one of the system: it explains itself. It names the file which cannot be used. */
export function readTls(platform: Pick<Platform, "readText">, tls: Settings["tls"]): Tls | null {
  if (tls === null) return null;
  return { cert: readPem(platform, tls.cert, "CERTIFICATE"), key: readPem(platform, tls.key, "PRIVATE KEY") };
}

function readPem(platform: Pick<Platform, "readText">, path: string, what: string): string {
  let text: string;
  try {
    text = platform.readText(path);
  } catch (error) {
    throw Object.assign(new Error(`Cannot read ${path}: ${(error as Error).message}`, { cause: error }), {
      code: (error as { code?: string }).code ?? "EIO",
    });
  }
  if (!new RegExp(`^-----BEGIN (?:[A-Z]+ )?${what}-----`, "m").test(text)) {
    throw Object.assign(new Error(`Cannot use ${path}: it holds no ${what.toLowerCase()} in PEM`), { code: "EINVAL" });
  }
  return text;
}

/** @throws the same. */
export function readTlsOffer(platform: Pick<Platform, "readText">, tls: NonNullable<Settings["tcp"]["tls"]>): TlsOffer {
  return {
    cert: readPem(platform, tls.cert, "CERTIFICATE"),
    key: readPem(platform, tls.key, "PRIVATE KEY"),
    clientCa: tls.clientCa === "" ? null : readPem(platform, tls.clientCa, "CERTIFICATE"),
  };
}
