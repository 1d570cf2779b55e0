/** The first byte of a data field says how it is coded, frame by frame. Names and kinds of those bytes. Pure. */
export const CODEC_8 = 0x08;
export const CODEC_8E = 0x8e;
export const CODEC_16 = 0x10;
export const CODEC_12 = 0x0c;
export const CODEC_13 = 0x0d;
export const CODEC_14 = 0x0e;
export const CODEC_15 = 0x0f;

/** What a frame of a codec is to the gateway: records to keep and acknowledge, a message to keep unanswered, or unknown. */
export const CodecKind = { unknown: 0, avl: 1, command: 2 } as const;
export type CodecKind = (typeof CodecKind)[keyof typeof CodecKind];

export function codecKind(id: number): CodecKind {
  if (id === CODEC_8 || id === CODEC_8E || id === CODEC_16) return CodecKind.avl;
  return id >= CODEC_12 && id <= CODEC_15 ? CodecKind.command : CodecKind.unknown;
}

/** Names as people write them; also the `codec` label of metrics. */
export const CODEC_NAMES = ["8", "8E", "16", "12", "13", "14", "15", "other"] as const;
export type CodecName = (typeof CODEC_NAMES)[number];
export type AvlCodecName = "8" | "8E" | "16";

const IDS: Readonly<Record<Exclude<CodecName, "other">, number>> = {
  "8": CODEC_8,
  "8E": CODEC_8E,
  "16": CODEC_16,
  "12": CODEC_12,
  "13": CODEC_13,
  "14": CODEC_14,
  "15": CODEC_15,
};

export const codecId = (name: Exclude<CodecName, "other">): number => IDS[name];

export function codecName(id: number): CodecName {
  for (const name of CODEC_NAMES) if (name !== "other" && IDS[name] === id) return name;
  return "other";
}
