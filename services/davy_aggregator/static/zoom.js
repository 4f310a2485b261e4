// Zoom and pan into one picture: wheel, pinch, drag and keys.

const MAX = 12;
const WHEEL = 0.0015; // zoom per pixel of the wheel
export const STEP = 1.4; // per key
const PAN = 0.1; // of the view, per key
const CLICK_PX = 5; // a pointer that moves less has clicked

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export class Zoom {
  scale = 1;
  x = 0.5; // centre of the view, as a share of the picture
  y = 0.5;
  #pointers = new Map();
  #moved = 0;

  // enabled(): whether gestures count; changed(): draw again.
  constructor(surface, enabled, changed) {
    Object.assign(this, { surface, enabled, changed });
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    surface.addEventListener("pointerdown", (event) => this.#down(event));
    surface.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) surface.addEventListener(type, (event) => this.#pointers.delete(event.pointerId));
    // A drag is no click.
    surface.addEventListener("click", (event) => {
      if (this.#moved > CLICK_PX) event.stopImmediatePropagation();
      this.#moved = 0;
    }, { capture: true });
  }

  get active() {
    return this.scale > 1;
  }

  reset() {
    this.#set(1, 0.5, 0.5);
  }

  by(factor, at = { x: 0.5, y: 0.5 }) {
    const scale = clamp(this.scale * factor, 1, MAX);
    // The point under the pointer stays where it is.
    const keep = (1 / this.scale - 1 / scale);
    this.#set(scale, this.x + (at.x - 0.5) * keep, this.y + (at.y - 0.5) * keep);
  }

  pan(right, down) {
    this.#set(this.scale, this.x + (right * PAN) / this.scale, this.y + (down * PAN) / this.scale);
  }

  #set(scale, x, y) {
    const margin = 0.5 / scale;
    [this.scale, this.x, this.y] = [scale, clamp(x, margin, 1 - margin), clamp(y, margin, 1 - margin)];
    this.changed();
  }

  #place({ clientX, clientY }) {
    const box = this.surface.getBoundingClientRect();
    return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  }

  #wheel(event) {
    if (!this.enabled()) return;
    event.preventDefault();
    this.by(Math.exp(-event.deltaY * WHEEL), this.#place(event));
  }

  #down(event) {
    if (!this.enabled()) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#moved = 0;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.#moved += Math.hypot(event.movementX, event.movementY);
    this.#pointers.set(event.pointerId, now);
    if (this.#moved > CLICK_PX) this.surface.setPointerCapture(event.pointerId);
    if (others.length) this.#pinch(before, now, others[0]);
    else if (this.active) this.#set(this.scale, this.x - (now.x - before.x) / this.scale, this.y - (now.y - before.y) / this.scale);
  }

  #pinch(before, now, other) {
    const distance = ({ x, y }) => Math.hypot(x - other.x, y - other.y) || 1e-6;
    this.by(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }
}
