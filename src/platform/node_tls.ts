/** A certificate and its key, looked at before a listener opens: not every runtime does, and each in words of its own. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Tls } from "./tls_port.ts";

/** @throws Error when they cannot be used together. */
export function checkTls({ cert, key }: Tls): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new Error(`Cannot use the certificate or its key: ${(error as Error).message}`, { cause: error });
  }
  if (!fits) throw new Error("Cannot use the certificate: the key is not that of its first certificate");
}
