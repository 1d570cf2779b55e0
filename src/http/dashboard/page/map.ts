/**
 * The live map: a ground that is drawn when the view moves, devices that are drawn when anything does. It fits the fleet
 * until the reader takes hold of it, and follows a device that was chosen in the table until then too. Owned by the page.
 */
import { type Colours, readColours } from "./colours.ts";
import { boxOf, drawDots, type Hit, hitAt } from "./dots.ts";
import { byId, setData, setText } from "./element.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import { drawGround, frameOf } from "./ground.ts";
import { type Land, readLand } from "./land.ts";
import { MapInput } from "./map_input.ts";
import type { Selection } from "./selection.ts";
import { clampView, fit, pan, type Size, type View, zoomAt } from "./world.ts";
import { ago } from "./words.ts";

const PADDING_PX = 72;
const FOLLOW_ZOOM = 13.5;
/** A fleet that grows is fitted again at most this often. */
const REFIT_MS = 1500;
/** An approach covers this share of what is left each frame. */
const GLIDE = 0.22;

interface Layer {
  readonly element: HTMLCanvasElement;
  readonly canvas: CanvasRenderingContext2D;
}

function layerOf(id: string): Layer {
  const element = byId(id) as HTMLCanvasElement;
  return { element, canvas: element.getContext("2d")! };
}

export class FleetMap {
  readonly #fleet: Fleet;
  readonly #selection: Selection;
  readonly #touched: () => void;
  readonly #land: Land = readLand();
  readonly #ground = layerOf("ground");
  readonly #dots = layerOf("dots");
  readonly #stage = byId("stage");
  readonly #tip = byId("tip");
  #colours: Colours = readColours();
  #size: Size = { width: 0, height: 0 };
  #view: View = { x: 0.53, y: 0.36, zoom: 1 };
  #goal: View | null = null;
  #isHeld = false;
  #following = false;
  #fittedAt = -Infinity;
  #groundKey = "";
  #hits: readonly Hit[] = [];
  /** Where the pointer rests: devices move under it. */
  #pointer: { readonly x: number; readonly y: number } | null = null;

  constructor(fleet: Fleet, selection: Selection, touched: () => void) {
    this.#fleet = fleet;
    this.#selection = selection;
    this.#touched = touched;
  }

  listen(): void {
    new ResizeObserver(() => this.#resize()).observe(this.#stage);
    this.#resize();
    const hold = (view: View): void => {
      this.#isHeld = true;
      this.#following = false;
      this.#goal = null;
      this.#view = view;
      this.#touched();
    };
    const zoom = (steps: number, at: { readonly x: number; readonly y: number } | null): void => {
      const { width, height } = this.#size;
      hold(zoomAt(this.#view, this.#size, at?.x ?? width / 2, at?.y ?? height / 2, steps));
    };
    new MapInput(this.#dots.element, {
      pan: (dx, dy) => hold(pan(this.#view, this.#size, dx, dy)),
      zoom,
      fitAll: () => this.fitAll(),
      point: (x, y) => this.#point({ x, y }),
      leave: () => this.#leave(),
      press: (x, y) => this.#press(x, y),
      clear: () => this.#selection.select(null, "map"),
    }).listen();
    byId("zoom-in").addEventListener("click", () => zoom(1, null));
    byId("zoom-out").addEventListener("click", () => zoom(-1, null));
    byId("zoom-fit").addEventListener("click", () => this.fitAll());
  }

  themeChanged(): void {
    this.#colours = readColours();
    this.#groundKey = "";
    this.#touched();
  }

  fitAll(): void {
    this.#isHeld = false;
    this.#following = false;
    this.#goTo(fit(boxOf(this.#fleet.vehicles), this.#size, PADDING_PX));
  }

  /** Goes to a device and stays with it until the reader moves the map. */
  show(id: string): void {
    const place = this.#fleet.get(id)?.place;
    if (place === undefined || place === null) return;
    this.#isHeld = true;
    this.#following = true;
    this.#goTo({ x: place.x, y: place.y, zoom: Math.max(this.#view.zoom, FOLLOW_ZOOM) });
  }

  draw(now: number): void {
    if (this.#size.width === 0) return;
    this.#steer(now);
    this.#glide();
    const frame = frameOf(this.#view, this.#size);
    const { x, y, zoom } = this.#view;
    const key = `${x} ${y} ${zoom} ${this.#size.width} ${this.#size.height}`;
    if (key !== this.#groundKey) {
      this.#groundKey = key;
      drawGround(this.#ground.canvas, this.#land, this.#colours, frame);
    }
    setData(this.#stage, "zoom", zoom.toFixed(2));
    this.#dots.canvas.clearRect(0, 0, this.#size.width, this.#size.height);
    this.#hits = drawDots(this.#dots.canvas, this.#fleet.vehicles, this.#colours, frame, this.#selection);
    if (this.#pointer !== null) this.#point(this.#pointer);
    this.#drawTip(now);
  }

  #goTo(goal: View): void {
    this.#goal = clampView(goal, this.#size);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#view = this.#goal;
      this.#goal = null;
    }
    this.#touched();
  }

  /** Where the view should be without the reader's hand on it. */
  #steer(now: number): void {
    if (this.#following && this.#selection.selected !== null) {
      const place = this.#fleet.get(this.#selection.selected)?.place;
      if (place === undefined || place === null) return;
      const zoom = this.#goal?.zoom ?? this.#view.zoom;
      if (Math.hypot(place.x - this.#view.x, place.y - this.#view.y) > 1e-12) this.#goTo({ x: place.x, y: place.y, zoom });
      return;
    }
    if (this.#isHeld || now - this.#fittedAt < REFIT_MS) return;
    const box = boxOf(this.#fleet.vehicles);
    if (box.minX > box.maxX) return;
    const wanted = fit(box, this.#size, PADDING_PX);
    const { scale, left, top, size } = frameOf(this.#view, this.#size);
    const isInside = box.minX * scale + left > 8 && box.maxX * scale + left < size.width - 8 && box.minY * scale + top > 8 &&
      box.maxY * scale + top < size.height - 8;
    if (isInside && this.#fittedAt > -Infinity && wanted.zoom - this.#view.zoom < 1) return;
    const isFirst = this.#fittedAt === -Infinity;
    this.#fittedAt = now;
    if (isFirst) this.#view = wanted;
    else this.#goTo(wanted);
  }

  #glide(): void {
    const goal = this.#goal;
    if (goal === null) return;
    const { x, y, zoom } = this.#view;
    const next = { x: x + (goal.x - x) * GLIDE, y: y + (goal.y - y) * GLIDE, zoom: zoom + (goal.zoom - zoom) * GLIDE };
    const { scale } = frameOf(goal, this.#size);
    const isThere = Math.hypot(goal.x - next.x, goal.y - next.y) * scale < 0.3 && Math.abs(goal.zoom - next.zoom) < 0.003;
    this.#view = isThere ? goal : next;
    if (isThere) this.#goal = null;
    else this.#touched();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    this.#size = { width, height };
    const ratio = devicePixelRatio;
    for (const { element, canvas } of [this.#ground, this.#dots]) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      canvas.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#view = clampView(this.#view, this.#size);
    this.#groundKey = "";
    this.#touched();
  }

  #point(at: { readonly x: number; readonly y: number }): void {
    this.#pointer = at;
    const hit = hitAt(this.#hits, at.x, at.y);
    this.#dots.element.classList.toggle("hits", hit !== null);
    this.#selection.hover(hit?.vehicles.length === 1 ? hit.vehicles[0]!.id : null);
  }

  #leave(): void {
    this.#pointer = null;
    this.#selection.hover(null);
  }

  #press(x: number, y: number): void {
    const hit = hitAt(this.#hits, x, y);
    if (hit === null) this.#selection.select(null, "map");
    else if (hit.vehicles.length === 1) this.#selection.select(hit.vehicles[0]!.id, "map");
    else {
      this.#isHeld = true;
      this.#following = false;
      const wanted = fit(boxOf(hit.vehicles), this.#size, PADDING_PX);
      this.#goTo({ ...wanted, zoom: Math.max(wanted.zoom, this.#view.zoom + 1) });
    }
  }

  #drawTip(now: number): void {
    const { hovered } = this.#selection;
    const hit = hovered === null ? undefined : this.#hits.find(({ vehicles }) => vehicles.length === 1 && vehicles[0]!.id === hovered);
    this.#tip.hidden = hit === undefined;
    if (hit === undefined) return;
    setText(this.#tip, tipOf(hit.vehicles[0]!, now));
    const flip = hit.x > this.#size.width - 220;
    this.#tip.style.transform = `translate(${hit.x + (flip ? -14 : 14)}px, ${hit.y}px) translate(${flip ? "-100%" : "0"}, -50%)`;
  }
}

const tipOf = (one: Vehicle, now: number): string =>
  `${one.id} · ${one.connected ? `${one.place!.speed} km/h` : "offline"} · ${ago(now - one.lastSeenAt)}`;
