// Draw zones and lines on a picture, by pointer and by keyboard. Points are fractions of the picture.
//
// A corner is a button: drag it, or move it by the arrow keys (Shift: coarse); Delete removes it, Insert adds one after it.

import { t } from "/web/words.js";

const SVG = "http://www.w3.org/2000/svg";
const FINE = 0.005;
const COARSE = 0.03;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;

export function pointsOf(shape) {
  return shape.polygon ?? [shape.start, shape.end];
}

// The shape with another list of points; a polygon keeps at least three.
export function withPoints(shape, points) {
  if (shape.polygon) return { ...shape, polygon: points.length < 3 ? shape.polygon : points };
  return { ...shape, start: points[0], end: points[1] };
}

export class ZoneEditor {
  // onChange(index, shape) is called for every change by hand.
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", "0 0 1 1");
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("aria-hidden", "true");
    this.corners = document.createElement("div");
    this.corners.className = "corners";
    root.append(this.svg, this.corners);
    this.shapes = [];
    this.editable = true;
  }

  show(shapes, chosen) {
    this.shapes = shapes;
    this.chosen = chosen;
    this.svg.replaceChildren(...shapes.map((shape, index) => this.outline(shape, index)));
    const shape = shapes[chosen];
    const points = shape ? pointsOf(shape) : [];
    const focused = [...this.corners.children].indexOf(document.activeElement);
    this.corners.replaceChildren(...points.map((point, corner) => this.corner(shape, point, corner)));
    if (focused >= 0) this.corners.children[Math.min(focused, points.length - 1)]?.focus();
  }

  outline(shape, index) {
    const made = document.createElementNS(SVG, shape.polygon ? "polygon" : "polyline");
    made.setAttribute("points", pointsOf(shape).map((point) => point.join(",")).join(" "));
    made.setAttribute("class", index === this.chosen ? "chosen" : "");
    return made;
  }

  corner(shape, [x, y], index) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "corner";
    made.disabled = !this.editable;
    made.style.left = `${100 * x}%`;
    made.style.top = `${100 * y}%`;
    made.setAttribute("aria-label", t("corner", { number: String(index + 1), name: shape.name, left: String(Math.round(100 * x)), top: String(Math.round(100 * y)) }));
    made.addEventListener("keydown", (event) => this.key(event, index));
    made.addEventListener("pointerdown", (event) => this.drag(event, made, index));
    return made;
  }

  key(event, index) {
    const points = pointsOf(this.shapes[this.chosen]).map((point) => [...point]);
    const move = MOVES[event.key];
    if (move) {
      const step = event.shiftKey ? COARSE : FINE;
      points[index] = points[index].map((value, axis) => clamp(value + step * move[axis]));
    } else if (event.key === "Delete" && this.shapes[this.chosen].polygon) {
      points.splice(index, 1);
    } else if (event.key === "Insert" && this.shapes[this.chosen].polygon) {
      const next = points[(index + 1) % points.length];
      points.splice(index + 1, 0, points[index].map((value, axis) => clamp((value + next[axis]) / 2)));
    } else return;
    event.preventDefault();
    this.change(points);
  }

  drag(event, corner, index) {
    if (!this.editable) return;
    event.preventDefault();
    corner.focus();
    const move = (moved) => {
      const box = this.root.getBoundingClientRect();
      const points = pointsOf(this.shapes[this.chosen]).map((point) => [...point]);
      points[index] = [clamp((moved.clientX - box.left) / box.width), clamp((moved.clientY - box.top) / box.height)];
      this.change(points);
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  change(points) {
    this.onChange(this.chosen, withPoints(this.shapes[this.chosen], points));
  }
}
