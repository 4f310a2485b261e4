// The list of events: archived ones first, then new ones from the window's WebSocket.

import { dateTime, timeElement } from "/web/time.js";
import { kindName, said, t } from "/web/words.js";

const KEPT = 200;
const MOTION = new Set(["motion", "motion-over"]); // the page of events shows them on request
const LEVEL = { info: 1, warning: 2, alarm: 3 };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Events {
  #known = new Map();
  #list = document.getElementById("event-list");
  #severity = document.getElementById("severity");
  #dialog = document.getElementById("keyframe");
  #labels = new Map();

  constructor() {
    this.#severity.addEventListener("change", () => this.#render());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  name(cameras) {
    const before = this.#labels.size;
    for (const { id, label } of cameras) this.#labels.set(id, label);
    if (this.#labels.size !== before) this.#render();
  }

  // Called once new events flow, so that none is missed.
  async readPast() {
    try {
      const answer = await fetch(`/v1/events?${new URLSearchParams([["limit", "100"], ...[...MOTION].map((kind) => ["exclude", kind])])}`);
      if (!answer.ok) return;
      const { events } = await answer.json();
      for (const event of events) this.#known.set(event.id, event);
      this.#render();
    } catch {
      // the next connection reads the past again
    }
  }

  add(event, fresh) {
    if (this.#known.has(event.id)) return;
    this.#known.set(event.id, event);
    while (this.#known.size > KEPT) this.#known.delete(Math.min(...this.#known.keys()));
    if (!this.#wanted(event)) return;
    this.#list.prepend(this.#row(event, fresh));
    while (this.#list.children.length > KEPT) this.#list.lastChild.remove();
  }

  #wanted(event) {
    return !MOTION.has(event.kind) && LEVEL[event.severity] >= LEVEL[this.#severity.value];
  }

  #render() {
    const newestFirst = [...this.#known.values()].filter((event) => this.#wanted(event)).sort((a, b) => b.id - a.id);
    this.#list.replaceChildren(...newestFirst.map((event) => this.#row(event, false)));
  }

  #row(event, fresh) {
    const row = element("li", `event ${event.severity}${fresh ? " fresh" : ""}`);
    const about = element("p", "about");
    about.append(element("b", "", kindName(event.kind)));
    const where = this.#labels.get(event.camera) ?? (event.camera || (event.edge === "aggregator" ? "" : event.edge));
    if (where) about.append(` · ${where}`);
    row.append(element("p", "message", said(event.message)), about, timeElement(event.occurred_at, "brief"));
    if (event.keyframe) row.append(this.#thumbnail(event, where));
    return row;
  }

  #thumbnail(event, where) {
    const button = element("button");
    button.type = "button";
    button.setAttribute("aria-label", t("keyframe-of", { message: said(event.message) }));
    const picture = element("img");
    picture.loading = "lazy";
    picture.alt = "";
    picture.src = event.keyframe;
    picture.addEventListener("error", () => button.remove()); // the keyframe was evicted
    button.append(picture);
    button.addEventListener("click", () => {
      document.getElementById("keyframe-picture").src = event.keyframe;
      const text = `${said(event.message)} · ${where} · ${dateTime(event.occurred_at)}`;
      document.getElementById("keyframe-text").textContent = text;
      this.#dialog.showModal();
    });
    return button;
  }
}
