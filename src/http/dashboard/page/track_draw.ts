/**
 * Draws a track: a line in the colour of the speed, arrows where it went, dashes where nothing was heard for long, its beginning
 * and its end. Owned by the page.
 */
import type { Colours } from "./colours.ts";
import type { Frame } from "./ground.ts";
import { isBreak, type Point } from "./track.ts";

/** km/h from which each colour but the first is used. The legend in index.html says the same. */
export const SPEED_STEPS = [5, 30, 60, 90] as const;
const ARROW_PX = 42;
/** Points nearer than this to the one drawn before are the same to the eye. */
const SAME_PX = 1.5;
const REACH_PX = 14;
const EDGE_PX = 20;
const TAU = Math.PI * 2;

export const speedStep = (speed: number): number => SPEED_STEPS.filter((least) => speed >= least).length;

const coloursOf = ({ speed0, speed1, speed2, speed3, speed4 }: Colours): readonly string[] => [speed0, speed1, speed2, speed3, speed4];

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly point: Point;
}

/** The points that are apart to the eye, in pixels; the last is always among them. */
function spotsOf(points: readonly Point[], { scale, left, top }: Frame): Spot[] {
  const spots: Spot[] = [];
  let before: Spot | null = null;
  points.forEach((point, i) => {
    const x = point.x * scale + left;
    const y = point.y * scale + top;
    const isFar = before === null || Math.abs(x - before.x) + Math.abs(y - before.y) >= SAME_PX || isBreak(before.point, point);
    if (!isFar && i < points.length - 1) return;
    before = { x, y, point };
    spots.push(before);
  });
  return spots;
}

const isOutside = (a: Spot, b: Spot, { size }: Frame): boolean =>
  Math.max(a.x, b.x) < 0 || Math.min(a.x, b.x) > size.width || Math.max(a.y, b.y) < 0 || Math.min(a.y, b.y) > size.height;

function drawLine(canvas: CanvasRenderingContext2D, spots: readonly Spot[], frame: Frame, colours: Colours): void {
  const steps = coloursOf(colours);
  const paths = steps.map(() => new Path2D());
  const whole = new Path2D();
  const breaks = new Path2D();
  for (let i = 1; i < spots.length; i++) {
    const from = spots[i - 1]!;
    const to = spots[i]!;
    if (isOutside(from, to, frame)) continue;
    for (const path of isBreak(from.point, to.point) ? [breaks] : [whole, paths[speedStep(to.point.speed)]!]) {
      path.moveTo(from.x, from.y);
      path.lineTo(to.x, to.y);
    }
  }
  canvas.lineCap = "round";
  canvas.lineWidth = 1.5;
  canvas.strokeStyle = colours.faint;
  canvas.setLineDash([2, 6]);
  canvas.stroke(breaks);
  canvas.setLineDash([]);
  canvas.lineWidth = 6;
  canvas.strokeStyle = colours.panel;
  canvas.stroke(whole);
  canvas.lineWidth = 3.5;
  paths.forEach((path, step) => {
    canvas.strokeStyle = steps[step]!;
    canvas.stroke(path);
  });
}

/** An arrow head with its middle here. */
function arrow(canvas: CanvasRenderingContext2D, { x, y, point }: Spot, reach: number): void {
  const angle = ((point.angle - 90) * Math.PI) / 180;
  const corner = (share: number, turn: number): [number, number] => [
    x + reach * share * Math.cos(angle + turn),
    y + reach * share * Math.sin(angle + turn),
  ];
  canvas.beginPath();
  canvas.moveTo(...corner(1, 0));
  canvas.lineTo(...corner(0.9, 2.45));
  canvas.lineTo(...corner(0.35, Math.PI));
  canvas.lineTo(...corner(0.9, -2.45));
  canvas.closePath();
  canvas.stroke();
  canvas.fill();
}

function drawArrows(canvas: CanvasRenderingContext2D, spots: readonly Spot[], { size }: Frame, colours: Colours): void {
  const steps = coloursOf(colours);
  canvas.strokeStyle = colours.panel;
  canvas.lineWidth = 1.5;
  canvas.lineJoin = "round";
  let way = ARROW_PX / 2;
  for (let i = 1; i < spots.length - 1; i++) {
    const spot = spots[i]!;
    const from = spots[i - 1]!;
    way += Math.hypot(spot.x - from.x, spot.y - from.y);
    if (way < ARROW_PX || spot.point.speed === 0) continue;
    way = 0;
    if (spot.x < -EDGE_PX || spot.y < -EDGE_PX || spot.x > size.width + EDGE_PX || spot.y > size.height + EDGE_PX) continue;
    canvas.fillStyle = steps[speedStep(spot.point.speed)]!;
    arrow(canvas, spot, 7);
  }
}

function ring(canvas: CanvasRenderingContext2D, { x, y }: Spot, radius: number, fill: string, line: string, width: number): void {
  canvas.beginPath();
  canvas.arc(x, y, radius, 0, TAU);
  canvas.fillStyle = fill;
  canvas.fill();
  canvas.lineWidth = width;
  canvas.strokeStyle = line;
  canvas.stroke();
}

export function drawTrack(
  canvas: CanvasRenderingContext2D,
  points: readonly Point[],
  frame: Frame,
  colours: Colours,
  connected: boolean,
): void {
  const spots = spotsOf(points, frame);
  const first = spots[0];
  const last = spots.at(-1);
  if (first === undefined || last === undefined) return;
  drawLine(canvas, spots, frame, colours);
  drawArrows(canvas, spots, frame, colours);
  ring(canvas, first, 4.5, colours.panel, colours.text, 2);
  canvas.fillStyle = connected ? colours.ok : colours.off;
  canvas.strokeStyle = colours.panel;
  canvas.lineWidth = 2;
  if (last.point.speed > 0) arrow(canvas, last, 13);
  else ring(canvas, last, 6.5, connected ? colours.ok : colours.off, colours.panel, 2);
}

/** The point somebody looks at. */
export function drawMark(canvas: CanvasRenderingContext2D, point: Point, { scale, left, top }: Frame, colours: Colours): Spot {
  const spot = { x: point.x * scale + left, y: point.y * scale + top, point };
  ring(canvas, spot, 8, "transparent", colours.panel, 5);
  ring(canvas, spot, 8, "transparent", colours.accent, 2.5);
  return spot;
}

/** The index of the point under the pointer, the newest of those that lie together; -1: none. */
export function pointAt(points: readonly Point[], { scale, left, top }: Frame, x: number, y: number): number {
  let best = -1;
  let nearest = REACH_PX;
  points.forEach((point, i) => {
    const distance = Math.hypot(point.x * scale + left - x, point.y * scale + top - y);
    if (distance > nearest) return;
    best = i;
    nearest = distance;
  });
  return best;
}
