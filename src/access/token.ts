/**
 * Tokens: `berth_ID_SECRET`, a public id of 12 hex digits and a secret of 256 random bits in base64url. Kept is the SHA-256
 * of the whole text, so that who reads the store can use none of them. Pure; used by http threads and the command line.
 */
import { assert } from "../base/assert.ts";
import { toHex } from "../base/bytes.ts";
import { sha256 } from "../base/sha256.ts";

const ID_BYTES = 6;
const SECRET_BYTES = 32;
/** Random bytes a new token takes. */
export const TOKEN_BYTES = ID_BYTES + SECRET_BYTES;
export const HASH_BYTES = 32;

const TOKEN = /^berth_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
export const TOKEN_ID = /^[0-9a-f]{12}$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export interface NewToken {
  readonly id: string;
  /** Shown once. */
  readonly text: string;
  readonly hash: Uint8Array;
}

/** `random`: TOKEN_BYTES of them, for this token alone. */
export function newToken(random: Uint8Array): NewToken {
  assert(random.length === TOKEN_BYTES, `a token takes ${TOKEN_BYTES} random bytes, not ${random.length}`);
  const id = toHex(random, 0, ID_BYTES);
  const text = `berth_${id}_${base64url(random.subarray(ID_BYTES))}`;
  return { id, text, hash: tokenHash(text) };
}

/** The public id in a token's text; null when it is no token at all. */
export const tokenId = (text: string): string | null => TOKEN.exec(text)?.[1] ?? null;

export const tokenHash = (text: string): Uint8Array => sha256(new TextEncoder().encode(text));

/** Takes as long whichever byte differs. */
export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== HASH_BYTES || b.length !== HASH_BYTES) return false;
  let different = 0;
  for (let at = 0; at < HASH_BYTES; at++) different |= a[at]! ^ b[at]!;
  return different === 0;
}

/** Without padding. */
function base64url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let i = 0; i < Math.min(4, left + 1); i++) text += ALPHABET[(bits >>> (18 - 6 * i)) & 63]!;
  }
  return text;
}
