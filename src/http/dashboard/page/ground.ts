/**
 * Draws the ground of the map: sea and land, borders, names, the grid of degrees, a scale. The atlas knows the outline of the
 * continents only, so near the streets land and sea fade into one plain ground. Owned by the page.
 */
import type { Colours } from "./colours.ts";
import type { Land, Line } from "./land.ts";
import { latOf, lonOf, scaleOf, type Size, type View, worldX, worldY } from "./world.ts";

/** Between these zooms the outline loses its meaning. */
const FADE_FROM = 7.5;
const FADE_TO = 9.5;
const GRID_DEGREES = [90, 60, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const GRID_PX = 110;
const EARTH_M = 40_075_017;
const SCALE_PX = 110;
/** Where the latitudes stand. */
const EDGE_PX = 48;

/** World units to pixels of one drawing. */
export interface Frame {
  readonly view: View;
  readonly size: Size;
  readonly scale: number;
  /** Pixel of world (0, 0). */
  readonly left: number;
  readonly top: number;
}

export function frameOf(view: View, size: Size): Frame {
  const scale = scaleOf(view.zoom);
  return { view, size, scale, left: size.width / 2 - view.x * scale, top: size.height / 2 - view.y * scale };
}

const isSeen = ({ box }: Line, { scale, left, top, size }: Frame): boolean =>
  box.maxX * scale + left > 0 && box.minX * scale + left < size.width && box.maxY * scale + top > 0 && box.minY * scale + top < size.height;

function trace(canvas: CanvasRenderingContext2D, lines: readonly Line[], frame: Frame, closed: boolean): void {
  const { scale, left, top } = frame;
  canvas.beginPath();
  for (const line of lines) {
    if (!isSeen(line, frame)) continue;
    const { xy } = line;
    canvas.moveTo(xy[0]! * scale + left, xy[1]! * scale + top);
    for (let i = 2; i < xy.length; i += 2) canvas.lineTo(xy[i]! * scale + left, xy[i + 1]! * scale + top);
    if (closed) canvas.closePath();
  }
}

export function drawGround(canvas: CanvasRenderingContext2D, land: Land, colours: Colours, frame: Frame): void {
  const { size, view } = frame;
  const detail = 1 - Math.max(0, Math.min(1, (view.zoom - FADE_FROM) / (FADE_TO - FADE_FROM)));
  canvas.fillStyle = colours.land;
  canvas.fillRect(0, 0, size.width, size.height);
  if (detail > 0) {
    canvas.globalAlpha = detail;
    canvas.fillStyle = colours.sea;
    canvas.fillRect(0, 0, size.width, size.height);
    trace(canvas, land.shores, frame, true);
    canvas.globalAlpha = 1;
    canvas.fillStyle = colours.land;
    canvas.fill();
    canvas.globalAlpha = detail;
    canvas.lineWidth = 1;
    canvas.strokeStyle = colours.shore;
    canvas.stroke();
    trace(canvas, land.borders, frame, false);
    canvas.strokeStyle = colours.border;
    canvas.stroke();
    canvas.globalAlpha = 1;
  }
  drawGrid(canvas, colours, frame);
  if (detail > 0) drawNames(canvas, land, colours, frame, detail);
  drawScale(canvas, colours, frame);
}

const degreesText = (value: number, step: number, names: string): string => {
  const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step));
  return value === 0 ? "0°" : `${Math.abs(value).toFixed(digits)}° ${value > 0 ? names[0]! : names[1]!}`;
};

function drawGrid(canvas: CanvasRenderingContext2D, colours: Colours, { view, size, scale, left, top }: Frame): void {
  const degree = scale / 360;
  const step = GRID_DEGREES.findLast((each) => each * degree >= GRID_PX) ?? GRID_DEGREES[0]!;
  canvas.strokeStyle = colours.grid;
  canvas.fillStyle = colours.faint;
  canvas.lineWidth = 1;
  canvas.font = "10px system-ui, sans-serif";
  canvas.beginPath();
  const west = Math.ceil(lonOf(-left / scale) / step);
  const east = Math.floor(lonOf((size.width - left) / scale) / step);
  for (let i = west; i <= east; i++) {
    const x = Math.round(worldX(i * step) * scale + left) + 0.5;
    canvas.moveTo(x, 0);
    canvas.lineTo(x, size.height);
    if (x > 40 && x < size.width - 60) canvas.fillText(degreesText(i * step, step, "EW"), x + 4, 12);
  }
  const north = Math.floor(latOf(Math.max(0, -top / scale)) / step);
  const south = Math.ceil(latOf(Math.min(1, (size.height - top) / scale)) / step);
  for (let i = south; i <= north; i++) {
    const y = Math.round(worldY(i * step) * scale + top) + 0.5;
    canvas.moveTo(0, y);
    canvas.lineTo(size.width, y);
    if (y > 24 && y < size.height - 40 && view.zoom > 0) canvas.fillText(degreesText(i * step, step, "NS"), 6, y - 4);
  }
  canvas.stroke();
}

function drawNames(canvas: CanvasRenderingContext2D, land: Land, colours: Colours, frame: Frame, detail: number): void {
  canvas.font = "11px system-ui, sans-serif";
  canvas.textAlign = "center";
  canvas.fillStyle = colours.name;
  canvas.globalAlpha = detail;
  for (const { text, x, y, width } of land.labels) {
    const wide = canvas.measureText(text).width;
    const at = x * frame.scale + frame.left;
    const isCut = at - wide / 2 < EDGE_PX || at + wide / 2 > frame.size.width;
    if (wide <= width * frame.scale * 0.85 && !isCut) canvas.fillText(text, at, y * frame.scale + frame.top);
  }
  canvas.globalAlpha = 1;
  canvas.textAlign = "start";
}

/** The longest round distance that fits. */
function drawScale(canvas: CanvasRenderingContext2D, colours: Colours, { view, size, scale }: Frame): void {
  const metresPerPx = (EARTH_M * Math.cos((latOf(view.y) * Math.PI) / 180)) / scale;
  const most = metresPerPx * SCALE_PX;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = ([5, 2, 1].find((each) => each * power <= most) ?? 1) * power;
  const width = metres / metresPerPx;
  const x = 12;
  const y = size.height - 14;
  canvas.strokeStyle = colours.muted;
  canvas.fillStyle = colours.muted;
  canvas.lineWidth = 1.5;
  canvas.beginPath();
  canvas.moveTo(x, y - 5);
  canvas.lineTo(x, y);
  canvas.lineTo(x + width, y);
  canvas.lineTo(x + width, y - 5);
  canvas.stroke();
  canvas.font = "11px system-ui, sans-serif";
  canvas.fillText(metres >= 1000 ? `${metres / 1000} km` : `${metres} m`, x + 6, y - 4);
}
