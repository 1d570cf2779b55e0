/** The map of one device's track: fits it until the reader takes hold, and says of each point when it was and how fast. Owned by the page. */
import { byId, setText } from "./element.ts";
import { frameOf } from "./ground.ts";
import type { Land } from "./land.ts";
import { MapStage, placeTip } from "./map_stage.ts";
import type { Mark } from "./mark.ts";
import { type Point, Track } from "./track.ts";
import { drawMark, drawTrack, pointAt } from "./track_draw.ts";
import { heading, moment } from "./words.ts";

/** A track that grows is fitted again at most this often. */
const REFIT_MS = 2000;
const EDGE_PX = 6;

export const pointWords = ({ time, speed, angle }: Point, now: number): string =>
  `${moment(time, now)} · ${speed === 0 ? "standing" : `${speed} km/h, ${heading(angle)}`}`;

export class TrackMap {
  readonly #mark: Mark;
  readonly #stage: MapStage;
  readonly #tip = byId("track-tip");
  #track: Track | null = null;
  #fittedAt = -Infinity;

  constructor(land: Land, mark: Mark, touched: () => void) {
    this.#mark = mark;
    this.#stage = new MapStage(byId("track-stage"), land, {
      point: (x, y) => this.#point(x, y),
      leave: () => this.#mark.point(null),
      press: (x, y) => this.#press(x, y),
      clear: () => this.#mark.pin(null),
      fitAll: () => this.fitAll(),
      held: () => {},
      touched,
    });
  }

  listen(): void {
    this.#stage.listen();
  }

  themeChanged(): void {
    this.#stage.themeChanged();
  }

  /** `isFresh`: of another device or range, so it is fitted at once. */
  show(track: Track | null, isFresh: boolean): void {
    this.#track = track;
    if (!isFresh) return;
    this.#fittedAt = -Infinity;
    this.#stage.isHeld = false;
  }

  fitAll(): void {
    this.#stage.isHeld = false;
    if (this.#track !== null) this.#stage.goTo(this.#stage.viewOf(this.#track.box()));
  }

  draw(now: number, connected: boolean): void {
    this.#steer(now);
    const drawing = this.#stage.begin();
    const points = this.#track?.points ?? [];
    if (drawing === null) return;
    const { canvas, frame } = drawing;
    drawTrack(canvas, points, frame, this.#stage.colours, connected);
    const marked = points[this.#mark.index(points)];
    this.#tip.hidden = marked === undefined;
    if (marked === undefined) return;
    setText(this.#tip, pointWords(marked, now));
    placeTip(this.#tip, drawMark(canvas, marked, frame, this.#stage.colours), this.#stage.size);
  }

  #steer(now: number): void {
    const stage = this.#stage;
    const track = this.#track;
    if (track === null || track.points.length === 0 || stage.size.width === 0 || stage.isHeld) return;
    if (now - this.#fittedAt < REFIT_MS) return;
    const isFirst = this.#fittedAt === -Infinity;
    const { scale, left, top, size } = frameOf(stage.goal, stage.size);
    const box = track.box();
    const isInside = box.minX * scale + left > EDGE_PX && box.maxX * scale + left < size.width - EDGE_PX &&
      box.minY * scale + top > EDGE_PX && box.maxY * scale + top < size.height - EDGE_PX;
    if (isInside && !isFirst) return;
    this.#fittedAt = now;
    if (isFirst) stage.jumpTo(stage.viewOf(box));
    else stage.goTo(stage.viewOf(box));
  }

  #point(x: number, y: number): void {
    const at = this.#at(x, y);
    this.#stage.canvas.classList.toggle("hits", at !== null);
    this.#mark.point(at);
  }

  #press(x: number, y: number): void {
    this.#mark.pin(this.#at(x, y));
  }

  #at(x: number, y: number): Point | null {
    const points = this.#track?.points ?? [];
    return points[pointAt(points, frameOf(this.#stage.view, this.#stage.size), x, y)] ?? null;
  }
}
