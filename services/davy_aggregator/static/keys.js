// The keyboard of the console.

import { STEP } from "/static/zoom.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// In a field or an open dialog, keys mean what they mean there.
function isTyping(event) {
  return event.target.matches("input, select, textarea, [contenteditable], [role=slider]") || document.querySelector("dialog[open]");
}

export function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

export function listen(wall) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || isTyping(event)) return;
    const { key } = event;
    if (/^[1-9]$/.test(key)) {
      const tile = wall.onPage()[Number(key) - 1];
      if (tile) wall.show(wall.single === tile ? null : tile);
    } else if (key === "f" || key === "F") fullScreen();
    else if (key === "Escape" && wall.single) wall.show(null);
    else if (key === "PageDown" && wall.pages > 1 && !wall.single) wall.turn(1);
    else if (key === "PageUp" && wall.pages > 1 && !wall.single) wall.turn(-1);
    else if (key in ARROWS && !event.altKey) arrow(event, wall);
    else if (wall.single && "+=".includes(key)) wall.single.zoom.by(STEP);
    else if (wall.single && key === "-") wall.single.zoom.by(1 / STEP);
    else if (wall.single && key === "0") wall.single.zoom.reset();
    else return;
    if (key !== "Escape") event.preventDefault();
  });
}

// One camera large: arrows pan into a zoomed picture, else change the camera. On the wall they move the focus.
function arrow(event, wall) {
  const [right, down] = ARROWS[event.key];
  if (wall.single?.zoom.active) wall.single.zoom.pan(right, down);
  else if (wall.single) wall.step(right + down);
  else {
    const shown = wall.onPage();
    const columns = Number(getComputedStyle(wall.grid).gridTemplateColumns.split(" ").length);
    const at = shown.findIndex((tile) => tile.root.contains(document.activeElement));
    shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + right + down * columns))]?.openButton.focus();
  }
}
