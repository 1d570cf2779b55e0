/**
 * Draws the devices: their trails, a dot with its heading each, and one bubble with a number where many lie on top of each
 * other. Remembers where it drew what, so that the pointer can be answered. Owned by the page.
 */
import type { Colours } from "./colours.ts";
import type { Vehicle } from "./fleet.ts";
import type { Frame } from "./ground.ts";
import { type Box, emptyBox, extend } from "./world.ts";

/** From here on everything is drawn on its own: overlaps are parked vehicles. */
const SINGLE_ZOOM = 11;
const CELL_PX = 44;
const CROWD = 4;
/** With more dots than this in sight only the chosen ones have trails. */
const TRAILS = 600;
const DOT_PX = 4.5;
/** Drawn though their middle is not in sight. */
const EDGE_PX = 40;
const REACH_PX = 12;
const TAU = Math.PI * 2;

export interface Hit {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** One: a device; more: a bubble. */
  readonly vehicles: readonly Vehicle[];
}

export interface Marked {
  readonly hovered: string | null;
  readonly selected: string | null;
}

/** Devices in sight, by cell of a grid that lies still while the map moves. */
function cellsOf(vehicles: readonly Vehicle[], { size, scale, left, top }: Frame): Vehicle[][] {
  const cells = new Map<number, Vehicle[]>();
  const cellOf = scale / CELL_PX;
  for (const one of vehicles) {
    if (one.place === null) continue;
    const x = one.place.x * scale + left;
    const y = one.place.y * scale + top;
    if (x < -EDGE_PX || y < -EDGE_PX || x > size.width + EDGE_PX || y > size.height + EDGE_PX) continue;
    const key = Math.floor(one.place.x * cellOf) * 67_108_864 + Math.floor(one.place.y * cellOf);
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [one]);
    else cell.push(one);
  }
  return [...cells.values()];
}

const single = (one: Vehicle, { scale, left, top }: Frame): Hit => ({
  x: one.place!.x * scale + left,
  y: one.place!.y * scale + top,
  radius: REACH_PX,
  vehicles: [one],
});

function bubble(vehicles: readonly Vehicle[], { scale, left, top }: Frame): Hit {
  let x = 0;
  let y = 0;
  for (const { place } of vehicles) {
    x += place!.x / vehicles.length;
    y += place!.y / vehicles.length;
  }
  return { x: x * scale + left, y: y * scale + top, radius: 11 + Math.min(14, 3 * Math.log2(vehicles.length / CROWD + 1)), vehicles };
}

/** What is drawn: a dot a device, and one bubble for those that crowd. Bubbles that would touch become one. */
function gather(vehicles: readonly Vehicle[], frame: Frame): Hit[] {
  const cells = cellsOf(vehicles, frame);
  const alone = (cell: readonly Vehicle[]): boolean => frame.view.zoom >= SINGLE_ZOOM || cell.length < CROWD;
  const hits = cells.filter(alone).flat().map((one) => single(one, frame));
  const bubbles: Hit[] = [];
  for (const cell of cells.filter((each) => !alone(each)).sort((a, b) => b.length - a.length)) {
    const fresh = bubble(cell, frame);
    const at = bubbles.findIndex((each) => Math.hypot(each.x - fresh.x, each.y - fresh.y) < each.radius + fresh.radius);
    if (at < 0) bubbles.push(fresh);
    else bubbles[at] = bubble([...bubbles[at]!.vehicles, ...cell], frame);
  }
  return [...hits, ...bubbles];
}

export function boxOf(vehicles: readonly Vehicle[]): Box {
  const box = emptyBox();
  for (const { place } of vehicles) if (place !== null) extend(box, place.x, place.y);
  return box;
}

function drawTrail(canvas: CanvasRenderingContext2D, { trail, place }: Vehicle, frame: Frame, colour: string, strong: boolean): void {
  const { length } = trail;
  if (length === 0 || place === null) return;
  const { scale, left, top } = frame;
  canvas.strokeStyle = colour;
  canvas.lineWidth = strong ? 2.5 : 1.5;
  // Fades in three parts: a gradient for each segment would cost more than everything else.
  const parts = strong ? 1 : 3;
  for (let part = 0; part < parts; part++) {
    const from = Math.floor((length * part) / parts);
    const to = Math.floor((length * (part + 1)) / parts);
    canvas.globalAlpha = strong ? 0.9 : 0.12 + (0.4 * part) / parts;
    canvas.beginPath();
    canvas.moveTo(trail.x(from) * scale + left, trail.y(from) * scale + top);
    for (let i = from + 1; i < to; i++) canvas.lineTo(trail.x(i) * scale + left, trail.y(i) * scale + top);
    if (to < length) canvas.lineTo(trail.x(to) * scale + left, trail.y(to) * scale + top);
    else canvas.lineTo(place.x * scale + left, place.y * scale + top);
    canvas.stroke();
  }
  canvas.globalAlpha = 1;
}

function drawDot(canvas: CanvasRenderingContext2D, { x, y, vehicles: [one] }: Hit, colours: Colours, marked: Marked): void {
  const { connected, place, id } = one!;
  const isSelected = id === marked.selected;
  const size = isSelected || id === marked.hovered ? DOT_PX + 2 : DOT_PX;
  if (isSelected) {
    canvas.beginPath();
    canvas.arc(x, y, size + 6, 0, TAU);
    canvas.fillStyle = colours.accent;
    canvas.globalAlpha = 0.25;
    canvas.fill();
    canvas.globalAlpha = 1;
  }
  canvas.fillStyle = isSelected ? colours.accent : connected ? colours.ok : colours.off;
  canvas.strokeStyle = colours.panel;
  canvas.lineWidth = 1.5;
  canvas.beginPath();
  if (place!.speed > 0) {
    // An arrow head that points where it goes.
    const angle = ((place!.angle - 90) * Math.PI) / 180;
    const reach = size * 1.9;
    canvas.moveTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
    canvas.lineTo(x + reach * 0.9 * Math.cos(angle + 2.45), y + reach * 0.9 * Math.sin(angle + 2.45));
    canvas.lineTo(x + reach * 0.35 * Math.cos(angle + Math.PI), y + reach * 0.35 * Math.sin(angle + Math.PI));
    canvas.lineTo(x + reach * 0.9 * Math.cos(angle - 2.45), y + reach * 0.9 * Math.sin(angle - 2.45));
    canvas.closePath();
  } else canvas.arc(x, y, size, 0, TAU);
  canvas.stroke();
  canvas.fill();
}

function drawBubble(canvas: CanvasRenderingContext2D, { x, y, radius, vehicles }: Hit, colours: Colours, marked: Marked): void {
  const isMarked = vehicles.some(({ id }) => id === marked.selected || id === marked.hovered);
  const share = vehicles.reduce((sum, one) => sum + (one.connected ? 1 : 0), 0) / vehicles.length;
  canvas.beginPath();
  canvas.arc(x, y, radius, 0, TAU);
  canvas.fillStyle = colours.panel;
  canvas.fill();
  canvas.lineWidth = 3;
  canvas.strokeStyle = colours.off;
  canvas.stroke();
  // The ring says how many of them are connected.
  canvas.beginPath();
  canvas.arc(x, y, radius, -TAU / 4, -TAU / 4 + TAU * share);
  canvas.strokeStyle = isMarked ? colours.accent : colours.ok;
  canvas.stroke();
  canvas.fillStyle = colours.text;
  canvas.font = "600 11px system-ui, sans-serif";
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  canvas.fillText(vehicles.length < 10_000 ? String(vehicles.length) : `${Math.round(vehicles.length / 1000)}k`, x, y + 0.5);
  canvas.textAlign = "start";
  canvas.textBaseline = "alphabetic";
}

/** Draws all and says what lies where; later ones lie on top. */
export function drawDots(
  canvas: CanvasRenderingContext2D,
  vehicles: readonly Vehicle[],
  colours: Colours,
  frame: Frame,
  marked: Marked,
): Hit[] {
  const hits = gather(vehicles, frame);
  const isMarked = ({ vehicles: [one] }: Hit): boolean => one!.id === marked.selected || one!.id === marked.hovered;
  hits.sort((a, b) => Number(isMarked(a)) - Number(isMarked(b)));
  const dots = hits.filter((hit) => hit.vehicles.length === 1);
  canvas.lineJoin = "round";
  canvas.lineCap = "round";
  for (const hit of dots) {
    const strong = isMarked(hit);
    if (strong || dots.length <= TRAILS) {
      const [one] = hit.vehicles;
      drawTrail(canvas, one!, frame, strong ? colours.accent : one!.connected ? colours.ok : colours.off, strong);
    }
  }
  for (const hit of hits) {
    if (hit.vehicles.length === 1) drawDot(canvas, hit, colours, marked);
    else drawBubble(canvas, hit, colours, marked);
  }
  return hits;
}

/** What is under the pointer, nearest first. */
export function hitAt(hits: readonly Hit[], x: number, y: number): Hit | null {
  let best: Hit | null = null;
  let nearest = Infinity;
  for (const hit of hits) {
    const distance = Math.hypot(hit.x - x, hit.y - y) / hit.radius;
    if (distance <= 1 && distance <= nearest) {
      best = hit;
      nearest = distance;
    }
  }
  return best;
}
