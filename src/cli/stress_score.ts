/** What a stress run tried and what held, counted; the table at its end. Pure. */
import { STRESS_KINDS, type StressKind, titleOf } from "./stress_plan.ts";

/** What must hold after every step. */
export const RULES = {
  owner: "one owner per device, the newest connection",
  prompt: "a successor does not wait for its predecessor (1 s)",
  closed: "who is replaced or kicked sees its end (1.5 s)",
  acks: "every answer is the number of records sent",
  stored: "acknowledged is stored, once, byte for byte",
  fences: "fences rise, also over kills and restarts",
  gaps: "the consumer is told every event once, in order",
  bystanders: "other devices are answered meanwhile (5 s)",
  descriptors: "no socket and no descriptor is left over",
  lives: "the gateway lives, ends with 0, starts again",
} as const;
export type Rule = keyof typeof RULES;

/** What ends a run: after it the devices and the gateway no longer agree. */
export class Broken extends Error {
  override readonly name = "Broken";
  readonly rule: Rule;
  constructor(rule: Rule, message: string) {
    super(message);
    this.rule = rule;
  }
}

const WIDTH = 58;
/** Broken rules told one by one; the rest is counted. */
const TOLD = 20;

export class StressScore {
  readonly #tried = new Map<StressKind, number>();
  readonly #checks = new Map<Rule, number>();
  readonly #broken = new Map<Rule, number>();
  readonly #stories: string[] = [];
  #step = "";

  get failed(): boolean {
    return this.#broken.size > 0;
  }
  get stories(): readonly string[] {
    return this.#stories;
  }

  try(kind: StressKind, step: string): void {
    this.#step = step;
    this.#tried.set(kind, (this.#tried.get(kind) ?? 0) + 1);
  }

  /** Counts a check. Returns whether it held. */
  check(rule: Rule, holds: boolean, otherwise: string): boolean {
    this.#checks.set(rule, (this.#checks.get(rule) ?? 0) + 1);
    if (!holds) this.broken(rule, otherwise);
    return holds;
  }

  /** Found outside of a check: while it happened. */
  broken(rule: Rule, what: string): void {
    this.#broken.set(rule, (this.#broken.get(rule) ?? 0) + 1);
    if (this.#stories.length < TOLD) this.#stories.push(`step ${this.#step.trim()}: ${RULES[rule]}: ${what}`);
  }

  table(): string {
    const row = (name: string, ...cells: readonly (string | number)[]): string =>
      `${name.padEnd(WIDTH)}${cells.map((cell) => String(cell).padStart(8)).join("")}\n`;
    const tried = STRESS_KINDS.map((kind) => row(titleOf(kind), this.#tried.get(kind) ?? 0)).join("");
    const held = (Object.keys(RULES) as Rule[])
      .map((rule) => row(RULES[rule], this.#checks.get(rule) ?? 0, this.#broken.get(rule) ?? 0, this.#verdict(rule)))
      .join("");
    return `${row("TRIED", "TIMES")}${tried}\n${row("HELD", "CHECKS", "BROKEN", "")}${held}`;
  }

  #verdict(rule: Rule): string {
    if (this.#broken.has(rule)) return "BROKEN";
    return this.#checks.has(rule) ? "held" : "-";
  }
}
