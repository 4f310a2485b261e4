// Plays recordings of several cameras at one time: every camera follows one clock.

import { t } from "/web/words.js";
import { element } from "/static/page.js";

const WINDOW_MS = 60_000; // of video that is fetched at once
const DRIFT_S = 0.25; // a video further from the clock is moved to it
const JUMP_MS = 250; // of a gap that playback skips

const iso = (ms) => new Date(ms).toISOString();

// One camera: its <video> holds a window of the recording, and thumbnails cover it while the time is being chosen.
class Screen {
  #wanted = null;
  #loading = false;

  constructor(camera, label) {
    this.camera = camera;
    this.spans = [];
    this.window = null;
    this.video = element("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "auto" });
    this.video.addEventListener("loadeddata", () => (this.still.hidden = true));
    this.video.setAttribute("aria-label", label);
    this.still = element("img");
    this.still.alt = label;
    this.still.hidden = true;
    this.gap = element("p", "gap", element("span", "", t("timeline-gap")));
    this.node = element("figure", "player", this.video, this.still, element("figcaption", "", label), this.gap);
    this.node.dataset.camera = camera;
  }

  at(ms) {
    return this.spans.find(([start, end]) => start <= ms && ms < end);
  }

  address(kind, parameters) {
    return `/v1/cameras/${encodeURIComponent(this.camera)}/recording.${kind}?${new URLSearchParams(parameters)}`;
  }

  // Hold the window around a time, and show that time.
  seek(ms, variant) {
    const span = this.at(ms);
    this.gap.hidden = Boolean(span);
    if (!span) return this.clear();
    const held = this.window;
    if (!held || held.variant !== variant || ms < held.start || ms >= held.end) {
      const start = Math.max(span[0], ms - 1000);
      const end = Math.min(span[1], start + WINDOW_MS);
      this.window = { start, end, variant };
      this.video.src = this.address("mp4", { from: iso(start), to: iso(end), variant });
      this.#cover(ms, variant);
    } else this.still.hidden = true;
    const wanted = (ms - this.window.start) / 1000;
    if (Math.abs(this.video.currentTime - wanted) > 0.001) this.video.currentTime = wanted;
  }

  // Show the picture of a time until the video has it: it comes in a tenth of the time.
  async #cover(ms, variant) {
    const held = this.window;
    this.still.src = this.address("jpg", { at: iso(ms), variant });
    const came = await this.still.decode().then(() => true, () => false);
    if (this.window === held && !this.#loading) this.still.hidden = !came || this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  }

  clear() {
    if (!this.window) return;
    this.window = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  // Follow the clock while it runs; returns whether the picture is there.
  follow(ms, variant, speed) {
    const held = this.window;
    if (!held || ms >= held.end || ms < held.start) this.seek(ms, variant);
    if (!this.window) return true;
    this.video.playbackRate = speed;
    if (this.video.paused) this.video.play().catch(() => {});
    if (this.video.error) return true;
    const off = this.video.currentTime - (ms - this.window.start) / 1000;
    if (Math.abs(off) > DRIFT_S * Math.max(1, speed) && !this.video.seeking) this.video.currentTime -= off;
    return this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || this.video.ended;
  }

  // Show a thumbnail; while one is on its way, only the newest wish counts.
  async scrub(ms, variant) {
    this.#wanted = this.at(ms) ? ms : null;
    this.gap.hidden = this.#wanted !== null;
    if (this.#loading) return;
    while (this.#wanted !== null) {
      const at = this.#wanted;
      this.#wanted = null;
      this.#loading = true;
      this.still.src = this.address("jpg", { at: iso(at), variant, width: 640, exact: false });
      await this.still.decode().then(() => (this.still.hidden = false), () => (this.still.hidden = true));
      this.#loading = false;
    }
  }
}

export class Player {
  #screens = new Map();
  #place;
  #running = false;
  #last = 0;
  #changed;

  constructor(place, changed) {
    this.#place = place;
    this.#changed = changed;
    this.time = Date.now();
    this.speed = 1;
    this.variant = "enhanced";
    this.frameMs = 100;
  }

  get playing() {
    return this.#running;
  }

  // Choose the cameras: pairs of id and label.
  show(cameras) {
    const wanted = new Map(cameras);
    for (const [id, screen] of this.#screens) {
      if (wanted.has(id)) continue;
      screen.clear();
      screen.node.remove();
      this.#screens.delete(id);
    }
    for (const [id, label] of wanted) {
      if (this.#screens.has(id)) continue;
      this.#screens.set(id, new Screen(id, label));
      this.#place.append(this.#screens.get(id).node);
    }
  }

  // Tell what is recorded: [start, end] in ms by camera, for the variant that is shown.
  record(spans) {
    for (const [id, screen] of this.#screens) screen.spans = spans.get(id) ?? [];
  }

  seek(ms) {
    this.time = ms;
    for (const screen of this.#screens.values()) screen.seek(ms, this.variant);
    this.#changed();
  }

  scrub(ms) {
    this.pause();
    this.time = ms;
    for (const screen of this.#screens.values()) screen.scrub(ms, this.variant);
    this.#changed();
  }

  step(frames) {
    this.pause();
    this.seek(this.time + frames * this.frameMs);
  }

  play() {
    this.#running = true;
    this.#last = performance.now();
    for (const screen of this.#screens.values()) screen.still.hidden = true;
    requestAnimationFrame((now) => this.#tick(now));
    this.#changed();
  }

  pause() {
    this.#running = false;
    for (const { video } of this.#screens.values()) video.pause();
    this.#changed();
  }

  #tick(now) {
    if (!this.#running) return;
    const passed = Math.min(250, now - this.#last);
    this.#last = now;
    const ready = [...this.#screens.values()].map((screen) => screen.follow(this.time, this.variant, this.speed)).every(Boolean);
    if (ready) this.time += passed * this.speed;
    this.#skipGap();
    this.#changed();
    requestAnimationFrame((next) => this.#tick(next));
  }

  // Where no camera has a picture, go on at the next one that has.
  #skipGap() {
    const screens = [...this.#screens.values()];
    if (screens.some((screen) => screen.at(this.time))) return;
    const next = Math.min(...screens.flatMap(({ spans }) => spans.map(([start]) => start)).filter((start) => start >= this.time));
    if (next === Infinity) this.pause();
    else if (next - this.time > JUMP_MS) this.time = next;
  }
}
