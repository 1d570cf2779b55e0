/** A policy as text: how the configuration, the interface and the orders between threads spell it. Pure. */
import { POLICIES, type PolicyName } from "./control.ts";

export interface Policy {
  readonly name: PolicyName;
  /** Connections a device may have at a time: n of `multi(n)`, else 1. */
  readonly connections: number;
}

export const TAKEOVER: Policy = { name: "takeover", connections: 1 };
const MULTI = /^multi\(([1-9]\d{0,3})\)$/;
const PLAIN = POLICIES.filter((name) => name !== "multi");

/** `takeover`, `multi(3)`; null for anything else, and for more than `most` connections. */
export function parsePolicy(text: string, most: number): Policy | null {
  const plain = PLAIN.find((name) => name === text);
  if (plain !== undefined) return { name: plain, connections: 1 };
  const connections = Number(MULTI.exec(text)?.[1] ?? 0);
  return connections >= 1 && connections <= most ? { name: "multi", connections } : null;
}

export const formatPolicy = ({ name, connections }: Policy): string => (name === "multi" ? `multi(${connections})` : name);

/** What is allowed, for people. */
export const policiesAllowed = (most: number): string => `${PLAIN.join(", ")}, multi(1) to multi(${most})`;
