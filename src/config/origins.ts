/** Origins of pages, as `https://fleet.example, http://localhost:3000`. Pure. */

/** An origin has no path, no user and no star: what a browser sends in `Origin` is compared with it as it stands. */
const isOrigin = (text: string): boolean => /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;

/** Null: one of them is none. */
export function parseOrigins(text: string): readonly string[] | null {
  const origins = text.split(",").map((one) => one.trim()).filter((one) => one !== "");
  return origins.every(isOrigin) ? origins : null;
}
