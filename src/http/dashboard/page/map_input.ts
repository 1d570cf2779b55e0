/** Mouse, touch and keys on the map, as moves of its view. Owned by the page. */

export interface MapMoves {
  pan(dx: number, dy: number): void;
  /** `steps`: 1 doubles. Null: the middle. */
  zoom(steps: number, at: { readonly x: number; readonly y: number } | null): void;
  fitAll(): void;
  point(x: number, y: number): void;
  leave(): void;
  press(x: number, y: number): void;
  clear(): void;
}

const KEY_PX = 80;
const CLICK_PX = 5;
const WHEEL_STEP = 1 / 240;
const WHEEL_MOST = 1;

interface Finger {
  x: number;
  y: number;
}

export class MapInput {
  readonly #canvas: HTMLElement;
  readonly #moves: MapMoves;
  readonly #fingers = new Map<number, Finger>();
  /** Pixels since the first finger went down; Infinity once there were two. */
  #travelled = 0;

  constructor(canvas: HTMLElement, moves: MapMoves) {
    this.#canvas = canvas;
    this.#moves = moves;
  }

  listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#up(event, false));
    canvas.addEventListener("pointerleave", () => this.#moves.leave());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.#moves.zoom(1, this.#at(event)));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #at(event: MouseEvent): Finger {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    if (this.#fingers.size === 0) this.#travelled = 0;
    else this.#travelled = Infinity;
    this.#fingers.set(event.pointerId, this.#at(event));
  }

  #move(event: PointerEvent): void {
    const at = this.#at(event);
    const finger = this.#fingers.get(event.pointerId);
    if (finger === undefined) {
      this.#moves.point(at.x, at.y);
      return;
    }
    const dx = at.x - finger.x;
    const dy = at.y - finger.y;
    this.#travelled += Math.hypot(dx, dy);
    const other = [...this.#fingers.values()].find((each) => each !== finger);
    if (other !== undefined) this.#pinch(finger, at, other);
    else if (this.#travelled > CLICK_PX) this.#moves.pan(dx, dy);
    finger.x = at.x;
    finger.y = at.y;
  }

  /** What was between the fingers stays between them. */
  #pinch(from: Finger, to: Finger, other: Finger): void {
    const before = Math.hypot(from.x - other.x, from.y - other.y);
    const after = Math.hypot(to.x - other.x, to.y - other.y);
    this.#moves.pan((to.x - from.x) / 2, (to.y - from.y) / 2);
    if (before > 0 && after > 0) this.#moves.zoom(Math.log2(after / before), { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
  }

  #up(event: PointerEvent, meant: boolean): void {
    if (!this.#fingers.delete(event.pointerId) || !meant || this.#travelled > CLICK_PX) return;
    const { x, y } = this.#at(event);
    this.#moves.press(x, y);
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const steps = -event.deltaY * lines * WHEEL_STEP * (event.ctrlKey ? 4 : 1);
    this.#moves.zoom(Math.max(-WHEEL_MOST, Math.min(WHEEL_MOST, steps)), this.#at(event));
  }

  #key(event: KeyboardEvent): void {
    const moves = this.#moves;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => moves.pan(KEY_PX, 0),
      ArrowRight: () => moves.pan(-KEY_PX, 0),
      ArrowUp: () => moves.pan(0, KEY_PX),
      ArrowDown: () => moves.pan(0, -KEY_PX),
      "+": () => moves.zoom(1, null),
      "=": () => moves.zoom(1, null),
      "-": () => moves.zoom(-1, null),
      "0": () => moves.fitAll(),
      Escape: () => moves.clear(),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }
}
