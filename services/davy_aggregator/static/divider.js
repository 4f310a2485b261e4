// The divider of a split picture: raw to its left, enhanced to its right.

import { t } from "/web/words.js";

const STEP = { ArrowLeft: -2, ArrowRight: 2, ArrowDown: -2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };

export class Divider {
  percent = 50; // of the width that shows the raw picture

  constructor(picture, changed) {
    this.changed = changed;
    this.root = document.createElement("div");
    this.root.className = "divider";
    this.root.tabIndex = 0;
    this.root.append(document.createElement("i"));
    for (const [name, value] of [["role", "slider"], ["aria-orientation", "horizontal"], ["aria-valuemin", "0"], ["aria-valuemax", "100"]]) {
      this.root.setAttribute(name, value);
    }
    this.root.addEventListener("pointerdown", (event) => {
      this.root.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.root.focus({ preventScroll: true, focusVisible: false });
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!this.root.hasPointerCapture(event.pointerId)) return;
      const box = picture.getBoundingClientRect();
      this.move(((event.clientX - box.left) / box.width) * 100);
    });
    this.root.addEventListener("dblclick", () => this.move(50));
    this.root.addEventListener("keydown", (event) => {
      if (!(event.key in STEP) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(this.percent + STEP[event.key]);
    });
    this.#write();
  }

  name(text) {
    this.root.setAttribute("aria-label", text);
  }

  move(percent) {
    this.percent = Math.min(100, Math.max(0, percent));
    this.#write();
    this.changed();
  }

  #write() {
    this.root.style.setProperty("--split", `${this.percent}%`);
    this.root.setAttribute("aria-valuenow", String(Math.round(this.percent)));
    this.root.setAttribute("aria-valuetext", t("divider-value", { percent: Math.round(this.percent) }));
  }
}
