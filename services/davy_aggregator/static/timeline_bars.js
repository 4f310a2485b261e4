// The bars of the timeline: recorded time, events and alarms of each camera, and the position.

import { clock, date } from "/web/time.js";
import { element } from "/static/page.js";

const STEPS_S = [1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800];
const COLOURS = { recorded: "#3d8bd4", raw: "#5d7183", info: "#9db0c2", warning: "#e2a93b", alarm: "#f0616d", position: "#ffffff", chosen: "#ffffff22" };
const TICK_PX = 110;

export class Bars {
  #place;
  #rows = new Map();
  #pick;

  // pick: called with a time in ms when somebody clicks a bar. choose: when a camera is chosen or not.
  constructor(place, pick, choose) {
    this.#place = place;
    this.#pick = pick;
    this.choose = choose;
    this.start = 0;
    this.end = 1;
    new ResizeObserver(() => this.draw()).observe(place);
  }

  // Rows for cameras: [id, label].
  show(cameras, chosen) {
    this.#rows.clear();
    this.#place.replaceChildren(...cameras.map(([id, label]) => {
      const box = element("input");
      Object.assign(box, { type: "checkbox", checked: chosen.has(id), value: id });
      box.addEventListener("change", () => this.choose(id, box.checked));
      const name = element("label", "", box, label);
      name.title = label;
      const canvas = element("canvas");
      canvas.setAttribute("aria-hidden", "true"); // the slider, the list of events and the status say it in words
      canvas.addEventListener("click", ({ offsetX }) => this.#pick(this.start + (offsetX / canvas.clientWidth) * (this.end - this.start)));
      this.#rows.set(id, { canvas, box, spans: { enhanced: [], raw: [] }, events: [] });
      const row = element("div", "row", name, canvas);
      row.dataset.camera = id;
      return row;
    }));
  }

  mark(chosen) {
    for (const [id, { box }] of this.#rows) box.checked = chosen.has(id);
  }

  // What is recorded and what happened between two times in ms.
  record(start, end, recordings, events) {
    Object.assign(this, { start, end });
    for (const row of this.#rows.values()) Object.assign(row, { spans: { enhanced: [], raw: [] }, events: [] });
    for (const { camera, variant, spans } of recordings) {
      const row = this.#rows.get(camera);
      if (row) row.spans[variant] = spans.map(({ start_at, end_at }) => [Date.parse(start_at), Date.parse(end_at)]);
    }
    for (const event of events) this.#rows.get(event.camera)?.events.push([Date.parse(event.occurred_at), event.severity]);
    this.draw();
  }

  spans(variant) {
    return new Map([...this.#rows].map(([id, { spans }]) => [id, spans[variant]]));
  }

  get newest() {
    return Math.max(0, ...[...this.#rows.values()].flatMap(({ spans }) => [...spans.enhanced, ...spans.raw].map(([, end]) => end)));
  }

  draw(position = this.position) {
    this.position = position;
    for (const row of this.#rows.values()) this.#drawRow(row);
  }

  #drawRow({ canvas, spans, events }) {
    const scale = devicePixelRatio;
    const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
    if (!width) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const paint = canvas.getContext("2d");
    const x = (ms) => ((ms - this.start) / (this.end - this.start)) * width;
    paint.clearRect(0, 0, width, height);
    for (const [variant, top, share] of [["enhanced", 0.35, 0.45], ["raw", 0.84, 0.16]]) {
      paint.fillStyle = variant === "raw" ? COLOURS.raw : COLOURS.recorded;
      for (const [start, end] of spans[variant]) paint.fillRect(x(start), height * top, Math.max(scale, x(end) - x(start)), height * share);
    }
    for (const [at, severity] of events) {
      paint.fillStyle = COLOURS[severity];
      paint.fillRect(x(at) - scale, 0, 2 * scale, height * (severity === "alarm" ? 1 : 0.4));
    }
    if (this.position >= this.start && this.position <= this.end) {
      paint.fillStyle = COLOURS.position;
      paint.fillRect(x(this.position) - scale / 2, 0, scale, height);
    }
  }

  drawTicks(place) {
    const [from, to, width] = [this.start, this.end, place.clientWidth];
    const most = Math.max(2, Math.floor(width / TICK_PX));
    const step = 1000 * (STEPS_S.find((each) => (to - from) / 1000 / each <= most) ?? STEPS_S.at(-1));
    const ticks = [];
    for (let at = Math.ceil(from / step) * step; at < to; at += step) {
      const tick = element("span", "", step < 86_400_000 ? clock(new Date(at)).slice(0, step < 60_000 ? 8 : 5) : date(new Date(at)).slice(5));
      tick.style.left = `${((at - from) / (to - from)) * 100}%`;
      ticks.push(tick);
    }
    place.replaceChildren(...ticks);
  }
}
