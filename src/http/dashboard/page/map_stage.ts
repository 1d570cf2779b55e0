/**
 * A map that can be moved: a ground that is drawn when the view moves, and a layer above it that its owner draws. Knows its
 * size, glides to where it is sent, and leaves the view to the reader once they took hold of it. Owned by the page.
 */
import { type Colours, readColours } from "./colours.ts";
import { setData } from "./element.ts";
import { drawGround, type Frame, frameOf } from "./ground.ts";
import type { Land } from "./land.ts";
import { MapInput } from "./map_input.ts";
import { type Box, clampView, fit, pan, type Size, type View, zoomAt } from "./world.ts";

/** What lies on the map, and answers the pointer. */
export interface StageOwner {
  point(x: number, y: number): void;
  leave(): void;
  press(x: number, y: number): void;
  clear(): void;
  /** Back to everything. */
  fitAll(): void;
  /** The reader moved the map. */
  held(): void;
  touched(): void;
}

const PADDING_PX = 72;
/** Of a small map. */
const PADDING_SHARE = 0.14;
/** An approach covers this share of what is left each frame. */
const GLIDE = 0.22;

interface Layer {
  readonly element: HTMLCanvasElement;
  readonly canvas: CanvasRenderingContext2D;
}

function layerIn(stage: HTMLElement, name: string): Layer {
  const element = stage.querySelector<HTMLCanvasElement>(`canvas.${name}`)!;
  return { element, canvas: element.getContext("2d")! };
}

export class MapStage {
  readonly element: HTMLElement;
  readonly #owner: StageOwner;
  readonly #land: Land;
  readonly #ground: Layer;
  readonly #marks: Layer;
  colours: Colours = readColours();
  size: Size = { width: 0, height: 0 };
  #view: View = { x: 0.53, y: 0.36, zoom: 1 };
  #goal: View | null = null;
  /** The reader has it: it goes nowhere by itself. */
  isHeld = false;
  #groundKey = "";

  constructor(element: HTMLElement, land: Land, owner: StageOwner) {
    this.element = element;
    this.#land = land;
    this.#owner = owner;
    this.#ground = layerIn(element, "ground");
    this.#marks = layerIn(element, "marks");
  }

  get view(): View {
    return this.#view;
  }
  /** Where it is going, or is. */
  get goal(): View {
    return this.#goal ?? this.#view;
  }
  get canvas(): HTMLCanvasElement {
    return this.#marks.element;
  }

  listen(): void {
    new ResizeObserver(() => this.#resize()).observe(this.element);
    this.#resize();
    const owner = this.#owner;
    const zoom = (steps: number, at: { readonly x: number; readonly y: number } | null): void => {
      const { width, height } = this.size;
      this.#hold(zoomAt(this.#view, this.size, at?.x ?? width / 2, at?.y ?? height / 2, steps));
    };
    new MapInput(this.#marks.element, {
      pan: (dx, dy) => this.#hold(pan(this.#view, this.size, dx, dy)),
      zoom,
      fitAll: () => owner.fitAll(),
      point: (x, y) => owner.point(x, y),
      leave: () => owner.leave(),
      press: (x, y) => owner.press(x, y),
      clear: () => owner.clear(),
    }).listen();
    const press = (name: string, done: () => void): void =>
      this.element.querySelector(`[data-zoom="${name}"]`)!.addEventListener("click", done);
    press("in", () => zoom(1, null));
    press("out", () => zoom(-1, null));
    press("fit", () => owner.fitAll());
  }

  themeChanged(): void {
    this.colours = readColours();
    this.#groundKey = "";
    this.#owner.touched();
  }

  /** The view that shows the box in this map's size. */
  viewOf(box: Box): View {
    const { width, height } = this.size;
    return fit(box, this.size, Math.min(PADDING_PX, PADDING_SHARE * Math.min(width, height)));
  }

  goTo(goal: View): void {
    this.#goal = clampView(goal, this.size);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.jumpTo(this.#goal);
    this.#owner.touched();
  }

  jumpTo(view: View): void {
    this.#view = clampView(view, this.size);
    this.#goal = null;
  }

  /** Draws the ground where it moved and clears the layer above. Null: the map is not in sight. */
  begin(): { readonly canvas: CanvasRenderingContext2D; readonly frame: Frame } | null {
    const { width, height } = this.size;
    if (width === 0 || height === 0) return null;
    this.#glide();
    const frame = frameOf(this.#view, this.size);
    const { x, y, zoom } = this.#view;
    const key = `${x} ${y} ${zoom} ${width} ${height}`;
    if (key !== this.#groundKey) {
      this.#groundKey = key;
      drawGround(this.#ground.canvas, this.#land, this.colours, frame);
    }
    setData(this.element, "zoom", zoom.toFixed(2));
    this.#marks.canvas.clearRect(0, 0, width, height);
    return { canvas: this.#marks.canvas, frame };
  }

  #hold(view: View): void {
    this.isHeld = true;
    this.#goal = null;
    this.#view = view;
    this.#owner.held();
    this.#owner.touched();
  }

  #glide(): void {
    const goal = this.#goal;
    if (goal === null) return;
    const { x, y, zoom } = this.#view;
    const next = { x: x + (goal.x - x) * GLIDE, y: y + (goal.y - y) * GLIDE, zoom: zoom + (goal.zoom - zoom) * GLIDE };
    const { scale } = frameOf(goal, this.size);
    const isThere = Math.hypot(goal.x - next.x, goal.y - next.y) * scale < 0.3 && Math.abs(goal.zoom - next.zoom) < 0.003;
    this.#view = isThere ? goal : next;
    if (isThere) this.#goal = null;
    else this.#owner.touched();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    this.size = { width, height };
    if (width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    for (const { element, canvas } of [this.#ground, this.#marks]) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
      canvas.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#view = clampView(this.#view, this.size);
    this.#groundKey = "";
    this.#owner.touched();
  }
}

/** A line of text beside a place of the map, on the side where there is room. */
export function placeTip(tip: HTMLElement, at: { readonly x: number; readonly y: number }, size: Size): void {
  const flip = at.x > size.width - 220;
  tip.style.transform = `translate(${at.x + (flip ? -14 : 14)}px, ${at.y}px) translate(${flip ? "-100%" : "0"}, -50%)`;
}
