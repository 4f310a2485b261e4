// One camera: its picture with the divider, its state, its figures.

import { dateTime } from "/web/time.js";
import { named, t } from "/web/words.js";
import { Divider } from "/static/divider.js";
import { Zoom } from "/static/zoom.js";

const PAGES = [["/places", "nav-places"], ["/timeline", "nav-timeline"], ["/events", "nav-events"]];
const MAX_PIXEL_RATIO = 2;

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function duration(ms) {
  if (ms < 950) return t("duration-ms", { count: Math.max(0, Math.round(ms)) });
  const s = ms / 1000;
  if (s < 9.95) return t("duration-s", { count: s.toFixed(1) });
  if (s < 120) return t("duration-s", { count: String(Math.round(s)) });
  return s < 7200 ? t("duration-min", { count: Math.round(s / 60) }) : t("duration-h", { count: Math.round(s / 3600) });
}

export class Tile {
  mode = "enhanced";
  state = "waiting";
  compact = false; // too narrow for figures: hundreds of texts a second need no writing
  plays = false; // whether its pictures come from a video: JPEGs are a reserve then
  watched = false; // whether the server sends its pictures; the state comes from the server otherwise
  #camera = null;
  #pictures = null; // { head, enhanced, raw } as ImageBitmaps
  #next = null;
  #busy = false;
  #fetched = null;
  #shown = ""; // the last text: the DOM changes only with it
  #onDone;

  // onOpen(tile): a click. onDone(head): a frame was drawn or discarded. onZoom(): another size is wanted.
  constructor(id, { onOpen, onDone, onZoom }) {
    this.id = id;
    this.#onDone = onDone;
    this.#build(onOpen);
    this.zoom = new Zoom(this.openButton, () => this.root.classList.contains("single"), () => { this.draw(); onZoom(); });
  }

  #build(onOpen) {
    this.root = element("article", "tile");
    this.root.dataset.camera = this.id;
    this.root.dataset.state = "waiting";
    const picture = element("div", "picture");
    this.canvas = element("canvas");
    this.canvas.setAttribute("role", "img");
    this.veil = element("div", "veil");
    this.veilTitle = element("strong");
    this.veilText = element("span");
    this.veil.append(this.veilTitle, this.veilText);
    this.openButton = element("button", "open");
    this.openButton.type = "button";
    this.openButton.addEventListener("click", () => onOpen(this));
    this.rawTag = element("span", "tag raw", t("mode-raw"));
    this.enhancedTag = element("span", "tag enhanced", t("mode-enhanced"));
    this.divider = new Divider(picture, () => this.draw());
    picture.append(this.canvas, this.veil, this.openButton, this.rawTag, this.enhancedTag, this.divider.root);
    this.caption = element("div", "caption");
    this.title = element("h3");
    this.where = element("span", "where");
    this.chip = element("span", "chip");
    this.menu = this.#buildMenu();
    this.caption.append(this.title, this.where, this.chip, this.menu);
    this.figures = element("dl", "figures");
    this.values = Object.fromEntries(["age", "fps", "dropped", "size", "model"].map((name) => [name, this.#figure(name)]));
    this.values.clock = this.#figure("clock");
    this.values.clock.classList.add("warn");
    this.values.clock.parentElement.hidden = true; // shown while the clock of its edge is wrong
    this.root.append(picture, this.caption, this.figures);
    new ResizeObserver(() => this.draw()).observe(picture);
    this.setMode(this.mode);
  }

  // The other pages about this camera.
  #buildMenu() {
    const links = PAGES.map(([page, message]) => {
      const link = element("a", "", t(message));
      link.href = `${page}?camera=${encodeURIComponent(this.id)}`;
      return link;
    });
    const [menu, sheet] = [element("details", "menu"), element("div", "sheet")];
    sheet.append(...links);
    menu.append(element("summary", "", "⋯"), sheet);
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      event.stopPropagation(); // a second Escape leaves the large picture
      menu.open = false;
      menu.firstElementChild.focus();
    });
    return menu;
  }

  #figure(name) {
    const pair = element("div", name);
    const value = element("dd", "", "–");
    pair.append(element("dt", "", t(`figure-${name}`)), value);
    this.figures.append(pair);
    return value;
  }

  // What the server shall send: the picture's kind, and its width in device pixels, rounded up so that few sizes are asked for.
  wanted() {
    const width = this.canvas.clientWidth * (devicePixelRatio || 1) * this.zoom.scale;
    return { kind: this.mode, width: Math.min(7680, Math.ceil(width / 16) * 16) };
  }

  setMode(mode) {
    this.mode = mode;
    this.#applyMode();
    this.draw();
  }

  #applyMode() {
    const mode = this.#drawnMode();
    this.root.classList.toggle("split", mode === "split");
    this.rawTag.classList.toggle("off", mode === "enhanced");
    this.enhancedTag.classList.toggle("off", mode === "raw");
  }

  // The mode, or what can be drawn of it: an edge may send no raw pictures.
  #drawnMode() {
    if (!this.#pictures) return this.mode;
    const { enhanced, raw } = this.#pictures;
    if (!raw) return "enhanced";
    return enhanced ? this.mode : "raw";
  }

  // While one frame is decoded, at most one waits; a newer one replaces it.
  offer(head, enhanced, raw) {
    if (this.plays) return this.#onDone(head);
    if (this.#next) this.#onDone(this.#next.head);
    this.#next = { head, enhanced, raw };
    if (!this.#busy) this.#decode();
    return undefined;
  }

  // Draw the present picture of a video, captured at this time of the page's clock.
  play(video, bornMs) {
    this.#replace({ head: { id: this.id, seq: 0, bornMs }, enhanced: video, raw: null });
  }

  async #decode() {
    this.#busy = true;
    while (this.#next) {
      const { head, enhanced, raw } = this.#next;
      this.#next = null;
      try {
        const decoded = await Promise.all([enhanced, raw].map((data) => data && createImageBitmap(new Blob([data], { type: "image/jpeg" }))));
        this.#replace({ head, enhanced: decoded[0], raw: decoded[1] });
      } catch (error) {
        console.warn(`${this.id}: frame ${head.seq} cannot be decoded: ${error.message}`);
      }
      this.#onDone(head);
    }
    this.#busy = false;
  }

  #replace(pictures) {
    this.#pictures?.enhanced?.close?.();
    this.#pictures?.raw?.close();
    this.#pictures = pictures;
    this.#applyMode();
    this.draw();
    this.refresh(performance.now());
  }

  draw() {
    if (!this.#pictures) return;
    const { enhanced, raw } = this.#pictures;
    const scale = Math.min(devicePixelRatio || 1, MAX_PIXEL_RATIO);
    const width = Math.round(this.canvas.clientWidth * scale);
    const height = Math.round(this.canvas.clientHeight * scale);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d", { alpha: false });
    const mode = this.#drawnMode();
    const first = mode === "raw" ? raw : enhanced;
    const fit = Math.min(width / first.width, height / first.height) * this.zoom.scale;
    const [w, h] = [first.width * fit, first.height * fit];
    const place = [w <= width ? (width - w) / 2 : width / 2 - this.zoom.x * w, h <= height ? (height - h) / 2 : height / 2 - this.zoom.y * h];
    if (w < width - 1 || h < height - 1) context.clearRect(0, 0, width, height);
    context.drawImage(first, ...place, w, h);
    if (mode !== "split") return;
    context.save();
    context.beginPath();
    context.rect(0, 0, (width * this.divider.percent) / 100, height);
    context.clip();
    context.drawImage(raw, ...place, w, h);
    context.restore();
  }

  get camera() {
    return this.#camera;
  }

  update(camera) {
    this.#camera = camera;
    this.title.textContent = camera.label;
    this.title.title = camera.label;
    this.where.textContent = camera.id.replace(".", " / ");
    this.openButton.setAttribute("aria-label", t("tile-open", { camera: camera.label }));
    this.menu.firstElementChild.setAttribute("aria-label", t("tile-menu", { camera: camera.label }));
    this.divider.name(t("divider", { camera: camera.label }));
    this.values.fps.textContent = camera.fps.toFixed(1);
    this.values.dropped.textContent = camera.drops.dropped ?? "–";
    this.values.dropped.title = camera.drops.captured === null ? t("drops-unknown")
      : t("drops-known", { captured: camera.drops.captured, received: camera.received });
    this.values.size.textContent = camera.width ? `${camera.width}×${camera.height}` : "–";
    this.values.model.textContent = camera.model || "–";
    const skew = camera.clock_skew_ms || 0;
    this.values.clock.parentElement.hidden = !skew;
    this.values.clock.textContent = t(skew > 0 ? "clock-slow" : "clock-fast", { time: duration(Math.abs(skew)) });
    this.values.clock.title = t("clock-wrong");
    this.refresh(performance.now());
    if (!this.#pictures && camera.captured_at && (camera.state === "stale" || camera.state === "offline")) this.#fetchLast(camera);
  }

  // The stream has no old frames: a silent camera shows its last one, greyed.
  async #fetchLast(camera) {
    if (this.#fetched === camera.seq) return;
    this.#fetched = camera.seq;
    try {
      const answer = await fetch(camera.latest);
      if (!answer.ok) return;
      const bornMs = performance.now() - Number(answer.headers.get("X-Davy-Age-Ms"));
      const enhanced = await createImageBitmap(await answer.blob());
      if (this.#pictures) return;
      this.#replace({ head: { id: this.id, seq: camera.seq, bornMs }, enhanced, raw: null });
    } catch {
      this.#fetched = null; // the next state tries again
    }
  }

  // Compute the state here, too, from the displayed frame: the server's state may be late.
  refresh(nowMs, staleAfterMs = this.staleAfterMs ?? 1500) {
    const camera = this.#camera;
    if (!camera) return;
    this.staleAfterMs = staleAfterMs;
    const age = this.#pictures ? nowMs - this.#pictures.head.bornMs : null;
    if (!this.watched) this.state = camera.state;
    else if (age !== null && age <= staleAfterMs) this.state = "live";
    else if (camera.state === "offline") this.state = "offline";
    else if (age === null) this.state = camera.state === "live" ? "waiting" : camera.state;
    else this.state = "stale";
    this.#write(age);
  }

  #write(age) {
    const { state } = this;
    const known = this.watched ? age ?? this.#camera.age_ms : this.#camera.age_ms;
    const ageText = known === null || (this.compact && state === "live") ? "–" : duration(known);
    const text = `${state}|${ageText}|${this.#camera.reason}`;
    if (text === this.#shown) return;
    this.#shown = text;
    this.root.dataset.state = state;
    this.chip.textContent = named("camera", state);
    this.values.age.textContent = ageText;
    this.values.age.classList.toggle("warn", state === "stale");
    this.canvas.setAttribute("aria-label", `${this.#camera.label}, ${named("camera", state)}`);
    this.veilTitle.textContent = state === "live" ? "" : t(`veil-${state}`, { age: ageText });
    this.veilText.textContent = this.#explain(state);
  }

  #explain(state) {
    const { reason, captured_at } = this.#camera;
    if (state === "live" || state === "stale") return state === "live" ? "" : t("not-live");
    return [reason, captured_at ? t("last-frame", { time: dateTime(captured_at) }) : ""].filter(Boolean).join(" · ");
  }

  // A tile that leaves the wall frees its pictures.
  close() {
    if (this.#next) this.#onDone(this.#next.head);
    this.#next = null;
    this.#pictures?.enhanced?.close?.();
    this.#pictures?.raw?.close();
    this.#pictures = null;
    this.root.remove();
  }
}
