// One camera: its picture with the divider, its state, its figures.

const STEP = { ArrowLeft: -2, ArrowRight: 2, ArrowDown: -2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
const STATE_TEXT = { live: "Live", stale: "Stale", offline: "Offline", waiting: "No frames" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function duration(ms) {
  if (ms < 950) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
}

export class Tile {
  split = 50; // percent of the width that shows the raw picture
  mode = "split";
  state = "waiting";
  watched = true; // false while another camera is shown alone; the state then comes from the server
  #camera = null;
  #pictures = null; // { head, enhanced, raw } as ImageBitmaps
  #next = null;
  #busy = false;
  #fetched = null;
  #shown = ""; // the last text: the DOM changes only with it

  constructor(id, { onOpen, onDone }) {
    this.id = id;
    this.#onDone = onDone;
    this.#build(onOpen);
  }

  #onDone;

  #build(onOpen) {
    this.root = element("article", "tile split");
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
    this.rawTag = element("span", "tag raw", "RAW");
    this.enhancedTag = element("span", "tag enhanced", "ENHANCED");
    picture.append(this.canvas, this.veil, this.openButton, this.rawTag, this.enhancedTag, this.#buildDivider(picture));
    const caption = element("div", "caption");
    this.title = element("h3");
    this.where = element("span", "where");
    this.chip = element("span", "chip");
    caption.append(this.title, this.where, this.chip);
    this.figures = element("dl", "figures");
    this.values = Object.fromEntries(["age", "fps", "dropped", "size", "model"].map((name) => [name, this.#figure(name)]));
    this.values.clock = this.#figure("clock");
    this.values.clock.classList.add("warn");
    this.values.clock.parentElement.hidden = true; // shown while the clock of its edge is wrong
    this.root.append(picture, caption, this.figures);
    new ResizeObserver(() => this.draw()).observe(picture);
  }

  #figure(name) {
    const pair = element("div", name);
    const value = element("dd", "", "–");
    pair.append(element("dt", "", name), value);
    this.figures.append(pair);
    return value;
  }

  #buildDivider(picture) {
    const divider = element("div", "divider");
    this.divider = divider;
    divider.tabIndex = 0;
    divider.append(element("i"));
    divider.setAttribute("role", "slider");
    divider.setAttribute("aria-orientation", "horizontal");
    divider.setAttribute("aria-valuemin", "0");
    divider.setAttribute("aria-valuemax", "100");
    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      event.preventDefault();
      divider.focus({ preventScroll: true, focusVisible: false });
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = picture.getBoundingClientRect();
      this.moveSplit(((event.clientX - box.left) / box.width) * 100);
    });
    divider.addEventListener("dblclick", () => this.moveSplit(50));
    divider.addEventListener("keydown", (event) => {
      if (!(event.key in STEP)) return;
      event.preventDefault();
      this.moveSplit(this.split + STEP[event.key]);
    });
    this.moveSplit(50);
    return divider;
  }

  moveSplit(percent) {
    this.split = Math.min(100, Math.max(0, percent));
    this.divider.style.setProperty("--split", `${this.split}%`);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.split)));
    this.divider.setAttribute("aria-valuetext", `${Math.round(this.split)} % raw, the rest enhanced`);
    this.draw();
  }

  setMode(mode) {
    this.mode = mode;
    this.#applyMode();
    this.draw();
  }

  #applyMode() {
    const hasRaw = !this.#pictures || Boolean(this.#pictures.raw);
    const mode = hasRaw ? this.mode : "enhanced";
    this.root.classList.toggle("split", mode === "split");
    this.rawTag.classList.toggle("off", mode === "enhanced");
    this.enhancedTag.classList.toggle("off", mode === "raw");
  }

  // While one frame is decoded, at most one waits; a newer one replaces it.
  offer(head, enhanced, raw) {
    if (this.#next) this.#onDone(this.#next.head);
    this.#next = { head, enhanced, raw };
    if (!this.#busy) this.#decode();
  }

  async #decode() {
    this.#busy = true;
    while (this.#next) {
      const { head, enhanced, raw } = this.#next;
      this.#next = null;
      try {
        const decoded = await Promise.all([enhanced, raw].map((data) => data && createImageBitmap(new Blob([data], { type: "image/jpeg" }))));
        const hadRaw = Boolean(this.#pictures?.raw);
        this.#pictures?.enhanced.close();
        this.#pictures?.raw?.close();
        this.#pictures = { head, enhanced: decoded[0], raw: decoded[1] };
        if (hadRaw !== Boolean(decoded[1])) this.#applyMode();
        this.draw();
        this.refresh(performance.now());
      } catch (error) {
        console.warn(`${this.id}: frame ${head.seq} cannot be decoded: ${error.message}`);
      }
      this.#onDone(head);
    }
    this.#busy = false;
  }

  draw() {
    if (!this.#pictures) return;
    const { enhanced, raw } = this.#pictures;
    const scale = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(this.canvas.clientWidth * scale);
    const height = Math.round(this.canvas.clientHeight * scale);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d", { alpha: false });
    const fit = Math.min(width / enhanced.width, height / enhanced.height);
    const [w, h] = [enhanced.width * fit, enhanced.height * fit];
    const [x, y] = [(width - w) / 2, (height - h) / 2];
    if (w < width - 1 || h < height - 1) context.clearRect(0, 0, width, height);
    const mode = raw ? this.mode : "enhanced";
    context.drawImage(mode === "raw" ? raw : enhanced, x, y, w, h);
    if (mode !== "split") return;
    const edge = (width * this.split) / 100;
    context.save();
    context.beginPath();
    context.rect(0, 0, edge, height);
    context.clip();
    context.drawImage(raw, x, y, w, h);
    context.restore();
  }

  update(camera) {
    this.#camera = camera;
    this.title.textContent = camera.label;
    this.title.title = camera.label;
    this.where.textContent = camera.id.replace(".", " / ");
    this.openButton.setAttribute("aria-label", `${camera.label}: show alone, or all again`);
    this.divider.setAttribute("aria-label", `${camera.label}: raw to the left, enhanced to the right`);
    this.values.fps.textContent = camera.fps.toFixed(1);
    this.values.dropped.textContent = camera.drops.dropped ?? "–";
    this.values.dropped.title = camera.drops.captured === null ? "the edge has sent no stats yet"
      : `of ${camera.drops.captured} captured by the edge; ${camera.received} received by the aggregator`;
    this.values.size.textContent = camera.width ? `${camera.width}×${camera.height}` : "–";
    this.values.model.textContent = camera.model || "–";
    const skew = camera.clock_skew_ms || 0;
    this.values.clock.parentElement.hidden = !skew;
    this.values.clock.textContent = `${duration(Math.abs(skew))} ${skew > 0 ? "slow" : "fast"}`;
    this.values.clock.title = "the clock of the camera's edge is wrong; the ages are right";
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
      this.#pictures = { head: { id: this.id, seq: camera.seq, bornMs }, enhanced, raw: null };
      this.#applyMode();
      this.draw();
      this.refresh(performance.now());
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
    this.age = age;
    if (!this.watched) this.state = camera.state;
    else if (age !== null && age <= staleAfterMs) this.state = "live";
    else if (camera.state === "offline") this.state = "offline";
    else if (age === null) this.state = camera.state === "live" ? "waiting" : camera.state;
    else this.state = "stale";
    this.#write(age);
  }

  #write(age) {
    const { state } = this;
    const known = age ?? this.#camera.age_ms;
    const ageText = known === null ? "–" : duration(known);
    const text = `${state}|${ageText}|${this.#camera.reason}`;
    if (text === this.#shown) return;
    this.#shown = text;
    this.root.dataset.state = state;
    this.chip.textContent = STATE_TEXT[state];
    this.values.age.textContent = ageText;
    this.values.age.classList.toggle("warn", state === "stale");
    this.canvas.setAttribute("aria-label", `${this.#camera.label}, ${STATE_TEXT[state]}`);
    this.veilTitle.textContent = { stale: `${ageText} old`, offline: "Offline", waiting: "No frames yet", live: "" }[state];
    this.veilText.textContent = this.#explain(state);
  }

  #explain(state) {
    const { reason, captured_at } = this.#camera;
    if (state === "live" || state === "stale") return state === "live" ? "" : "not live: last received picture";
    const last = captured_at ? `last frame ${captured_at.slice(0, 10)} ${captured_at.slice(11, 19)} UTC` : "";
    return [reason, last].filter(Boolean).join(" · ");
  }
}
