/**
 * The live map of the fleet. It fits the fleet until the reader takes hold of it, and follows a device that was chosen in
 * the table until then too. Owned by the page.
 */
import { boxOf, drawDots, type Hit, hitAt } from "./dots.ts";
import { byId, setText } from "./element.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import { frameOf } from "./ground.ts";
import type { Land } from "./land.ts";
import { MapStage, placeTip } from "./map_stage.ts";
import type { Selection } from "./selection.ts";
import { ago } from "./words.ts";

const FOLLOW_ZOOM = 13.5;
/** A fleet that grows is fitted again at most this often. */
const REFIT_MS = 1500;
const EDGE_PX = 8;

export class FleetMap {
  readonly #fleet: Fleet;
  readonly #selection: Selection;
  readonly #stage: MapStage;
  readonly #tip = byId("tip");
  #following = false;
  #fittedAt = -Infinity;
  #hits: readonly Hit[] = [];
  /** Where the pointer rests: devices move under it. */
  #pointer: { readonly x: number; readonly y: number } | null = null;

  constructor(fleet: Fleet, selection: Selection, land: Land, touched: () => void) {
    this.#fleet = fleet;
    this.#selection = selection;
    this.#stage = new MapStage(byId("stage"), land, {
      point: (x, y) => this.#point({ x, y }),
      leave: () => this.#leave(),
      press: (x, y) => this.#press(x, y),
      clear: () => this.#selection.select(null, "map"),
      fitAll: () => this.fitAll(),
      held: () => (this.#following = false),
      touched,
    });
  }

  listen(): void {
    this.#stage.listen();
  }

  themeChanged(): void {
    this.#stage.themeChanged();
  }

  fitAll(): void {
    this.#stage.isHeld = false;
    this.#following = false;
    this.#stage.goTo(this.#stage.viewOf(boxOf(this.#fleet.vehicles)));
  }

  /** Goes to a device and stays with it until the reader moves the map. */
  show(id: string): void {
    const place = this.#fleet.get(id)?.place;
    if (place === undefined || place === null) return;
    this.#stage.isHeld = true;
    this.#following = true;
    this.#stage.goTo({ x: place.x, y: place.y, zoom: Math.max(this.#stage.view.zoom, FOLLOW_ZOOM) });
  }

  draw(now: number): void {
    if (this.#stage.size.width === 0) return;
    this.#steer(now);
    const drawing = this.#stage.begin();
    if (drawing === null) return;
    this.#hits = drawDots(drawing.canvas, this.#fleet.vehicles, this.#stage.colours, drawing.frame, this.#selection);
    if (this.#pointer !== null) this.#point(this.#pointer);
    this.#drawTip(now);
  }

  /** Where the view should be without the reader's hand on it. */
  #steer(now: number): void {
    const stage = this.#stage;
    if (this.#following && this.#selection.selected !== null) {
      const place = this.#fleet.get(this.#selection.selected)?.place;
      if (place === undefined || place === null) return;
      if (Math.hypot(place.x - stage.view.x, place.y - stage.view.y) > 1e-12) stage.goTo({ x: place.x, y: place.y, zoom: stage.goal.zoom });
      return;
    }
    if (stage.isHeld || now - this.#fittedAt < REFIT_MS) return;
    const box = boxOf(this.#fleet.vehicles);
    if (box.minX > box.maxX) return;
    const wanted = stage.viewOf(box);
    const { scale, left, top, size } = frameOf(stage.view, stage.size);
    const isInside = box.minX * scale + left > EDGE_PX && box.maxX * scale + left < size.width - EDGE_PX &&
      box.minY * scale + top > EDGE_PX && box.maxY * scale + top < size.height - EDGE_PX;
    if (isInside && this.#fittedAt > -Infinity && wanted.zoom - stage.view.zoom < 1) return;
    const isFirst = this.#fittedAt === -Infinity;
    this.#fittedAt = now;
    if (isFirst) stage.jumpTo(wanted);
    else stage.goTo(wanted);
  }

  #point(at: { readonly x: number; readonly y: number }): void {
    this.#pointer = at;
    const hit = hitAt(this.#hits, at.x, at.y);
    this.#stage.canvas.classList.toggle("hits", hit !== null);
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
      this.#stage.isHeld = true;
      this.#following = false;
      const wanted = this.#stage.viewOf(boxOf(hit.vehicles));
      this.#stage.goTo({ ...wanted, zoom: Math.max(wanted.zoom, this.#stage.view.zoom + 1) });
    }
  }

  #drawTip(now: number): void {
    const { hovered } = this.#selection;
    const hit = hovered === null ? undefined : this.#hits.find(({ vehicles }) => vehicles.length === 1 && vehicles[0]!.id === hovered);
    this.#tip.hidden = hit === undefined;
    if (hit === undefined) return;
    setText(this.#tip, tipOf(hit.vehicles[0]!, now));
    placeTip(this.#tip, hit, this.#stage.size);
  }
}

const tipOf = (one: Vehicle, now: number): string =>
  `${one.id} · ${one.connected ? `${one.place!.speed} km/h` : "offline"} · ${ago(now - one.lastSeenAt)}`;
