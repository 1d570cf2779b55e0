/** The style sheet's colours for what is drawn on a canvas, read again when the reader's theme changes. Owned by the page. */

const NAMES = [
  "sea",
  "land",
  "shore",
  "border",
  "grid",
  "name",
  "text",
  "muted",
  "faint",
  "line",
  "panel",
  "ok",
  "off",
  "warn",
  "accent",
  "rate",
  "p50",
  "p99",
  "speed0",
  "speed1",
  "speed2",
  "speed3",
  "speed4",
] as const;
export type Colours = { readonly [Name in (typeof NAMES)[number]]: string };

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
}

export function onTheme(changed: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
