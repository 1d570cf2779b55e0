/**
 * Web Mercator: degrees to world units (0-1 from the date line east, 0-1 from north to south) and to pixels of a view.
 * A view's zoom is that of map tiles: at zoom z the world is 256 · 2^z pixels wide. Pure.
 */

export interface View {
  /** World units in the middle of the map. */
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}

export const ZOOM_MAX = 18;
/** A fleet in one yard is shown with the streets around it. */
const FIT_ZOOM_MAX = 15;
const LAT_MAX = 85.05;
const TILE = 256;

export const worldX = (lon: number): number => (lon + 180) / 360;

export function worldY(lat: number): number {
  const clamped = Math.max(-LAT_MAX, Math.min(LAT_MAX, lat));
  return (1 - Math.asinh(Math.tan((clamped * Math.PI) / 180)) / Math.PI) / 2;
}

export const lonOf = (x: number): number => x * 360 - 180;
export const latOf = (y: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Pixels that one world unit takes. */
export const scaleOf = (zoom: number): number => TILE * 2 ** zoom;

export const emptyBox = (): Box => ({ minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity });

export function extend(box: Box, x: number, y: number): void {
  box.minX = Math.min(box.minX, x);
  box.minY = Math.min(box.minY, y);
  box.maxX = Math.max(box.maxX, x);
  box.maxY = Math.max(box.maxY, y);
}

/** Keeps the view inside the world, and the world at least as wide as the map. */
export function clampView(view: View, size: Size): View {
  const least = Math.log2(Math.max(size.width, size.height / 1.4, TILE) / TILE);
  const zoom = Math.max(least, Math.min(ZOOM_MAX, view.zoom));
  const scale = scaleOf(zoom);
  const inside = (at: number, pixels: number): number => {
    const half = pixels / 2 / scale;
    return half >= 0.5 ? 0.5 : Math.max(half, Math.min(1 - half, at));
  };
  return { x: inside(view.x, size.width), y: inside(view.y, size.height), zoom };
}

/** The view that shows the whole box. Without one: the inhabited world. */
export function fit(box: Box, size: Size, padding: number, zoomMax = FIT_ZOOM_MAX): View {
  if (box.minX > box.maxX) return clampView({ x: 0.53, y: 0.4, zoom: 0 }, size);
  const room = (pixels: number): number => Math.max(pixels - 2 * padding, 32);
  const span = Math.max((box.maxX - box.minX) / room(size.width), (box.maxY - box.minY) / room(size.height), 1e-12);
  const zoom = Math.min(zoomMax, Math.log2(1 / (span * TILE)));
  return clampView({ x: (box.minX + box.maxX) / 2, y: (box.minY + box.maxY) / 2, zoom }, size);
}

/** Moves what is at pixel (0, 0) by so many pixels. */
export function pan(view: View, size: Size, dx: number, dy: number): View {
  const scale = scaleOf(view.zoom);
  return clampView({ x: view.x - dx / scale, y: view.y - dy / scale, zoom: view.zoom }, size);
}

/** Zooms by `steps` (1 doubles) and keeps what is under the pixel (px, py) there. */
export function zoomAt(view: View, size: Size, px: number, py: number, steps: number): View {
  const least = clampView({ ...view, zoom: -Infinity }, size).zoom;
  const zoom = Math.max(least, Math.min(ZOOM_MAX, view.zoom + steps));
  const before = scaleOf(view.zoom);
  const after = scaleOf(zoom);
  const x = view.x + (px - size.width / 2) * (1 / before - 1 / after);
  const y = view.y + (py - size.height / 2) * (1 / before - 1 / after);
  return clampView({ x, y, zoom }, size);
}
