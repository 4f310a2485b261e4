// Recordings of one or several cameras: where they are, what happened, and their pictures.

import { dateTime, timeElement, toUtc } from "/web/time.js";
import { named, said, t } from "/web/words.js";
import { byId, element, readCameras, request, showError } from "/static/page.js";
import { Bars } from "/static/timeline_bars.js";
import { Player } from "/static/timeline_player.js";

const MOST = 4; // cameras at a time: a browser decodes each of them
const SCRUB = 10_000; // positions of the slider
const NEWEST_MS = 5_000; // before the end of what is recorded
const EVENTS = 500;
const REREAD_MS = 10_000;

const asked = new URLSearchParams(location.search);
const chosen = new Set(asked.getAll("camera"));
let cameras = []; // [id, label]
let labels = new Map();
let reading = 0;

const player = new Player(byId("players"), changed);
const bars = new Bars(byId("rows"), seek, choose);

function changed() {
  const button = byId("play");
  button.textContent = t(player.playing ? "pause" : "play");
  const text = dateTime(new Date(player.time));
  byId("clock").textContent = `${text}.${String(Math.floor(player.time % 1000)).padStart(3, "0")}`;
  byId("clock").dateTime = new Date(player.time).toISOString();
  bars.draw(player.time);
  const share = (player.time - bars.start) / (bars.end - bars.start);
  byId("scrub").value = Math.round(Math.max(0, Math.min(1, share)) * SCRUB);
  byId("scrub").setAttribute("aria-valuetext", text);
  if (player.playing && player.time > bars.end) read(player.time, 0.1);
}

function seek(ms) {
  player.pause();
  player.seek(ms);
  remember();
}

function choose(id, on) {
  if (on) chosen.add(id);
  else chosen.delete(id);
  while (chosen.size > MOST) chosen.delete(chosen.values().next().value);
  bars.mark(chosen);
  showPlayers();
  player.seek(player.time);
  remember();
}

function showPlayers() {
  player.show(cameras.filter(([id]) => chosen.has(id)));
  player.record(bars.spans(player.variant));
  byId("nothing").hidden = chosen.size > 0;
}

function remember() {
  const query = new URLSearchParams([...chosen].map((id) => ["camera", id]));
  query.set("at", new Date(player.time).toISOString());
  query.set("length", byId("length").value);
  history.replaceState(null, "", `?${query}`);
}

// Read what is recorded around a time, which stands at a share of the range.
async function read(ms, share = 0.5) {
  const turn = (reading += 1);
  const length = Number(byId("length").value) * 1000;
  const [start, end] = [ms - share * length, ms + (1 - share) * length];
  const [from, to] = [start, end].map((each) => new Date(each).toISOString());
  const events = new URLSearchParams({ since: from, until: to, limit: EVENTS });
  for (const kind of ["motion", "motion-over"]) events.append("exclude", kind);
  const [found, happened] = await Promise.all([request(`/v1/recordings?${new URLSearchParams({ from, to })}`), request(`/v1/events?${events}`)]);
  if (turn !== reading) return;
  bars.record(start, end, found.recordings, happened.events);
  bars.drawTicks(byId("ticks"));
  player.record(bars.spans(player.variant));
  byId("range").textContent = t("timeline-range", { from: dateTime(from), to: dateTime(to) });
  byId("marks").replaceChildren(...happened.events.filter(({ severity }) => severity !== "info").map(mark));
}

function mark(event) {
  const button = element("button", "", said(event.message));
  button.type = "button";
  button.addEventListener("click", () => {
    if (labels.has(event.camera) && !chosen.has(event.camera)) choose(event.camera, true);
    seek(Date.parse(event.occurred_at));
  });
  const about = element("p", "about", element("b", "", named("severity", event.severity)), ` · ${labels.get(event.camera) ?? (event.camera || event.edge)}`);
  return element("li", `found ${event.severity}`, timeElement(event.occurred_at), element("div", "words", about, element("p", "", button)));
}

async function guarded(action) {
  try {
    await action();
    showError("");
  } catch (error) {
    showError(t("no-answer", { reason: error.message }));
  }
}

const move = (share) => guarded(async () => {
  const middle = (bars.start + bars.end) / 2 + share * (bars.end - bars.start);
  await read(middle);
  seek(middle);
});

async function newest() {
  const now = Date.now();
  await read(now, 0.95);
  if (bars.newest) {
    await read(bars.newest, 0.95);
    seek(bars.newest - NEWEST_MS);
  } else seek(now);
}

async function begin() {
  cameras = await readCameras();
  player.frameMs = 1000 / (cameras.find(({ fps }) => fps > 0)?.fps ?? 10);
  cameras = cameras.map(({ id, label }) => [id, label || id]);
  labels = new Map(cameras);
  for (const id of [...chosen]) if (!labels.has(id)) chosen.delete(id);
  if (!chosen.size && cameras.length) chosen.add(cameras[0][0]);
  if (asked.get("length")) byId("length").value = asked.get("length");
  bars.show(cameras, chosen);
  showPlayers();
  const at = Date.parse(asked.get("at") ?? "");
  if (Number.isNaN(at)) return newest();
  await read(at);
  seek(at);
}

byId("play").addEventListener("click", () => (player.playing ? player.pause() : player.play()));
byId("back").addEventListener("click", () => player.step(-1));
byId("forward").addEventListener("click", () => player.step(1));
byId("speed").addEventListener("change", ({ target }) => (player.speed = Number(target.value)));
byId("variant").addEventListener("change", ({ target }) => {
  player.variant = target.value;
  player.record(bars.spans(player.variant));
  player.seek(player.time);
});
byId("scrub").addEventListener("input", ({ target }) => player.scrub(bars.start + (Number(target.value) / SCRUB) * (bars.end - bars.start)));
byId("scrub").addEventListener("change", () => seek(player.time));
byId("length").addEventListener("change", () => guarded(() => read(player.time)).then(remember));
byId("earlier").addEventListener("click", () => move(-0.5));
byId("later").addEventListener("click", () => move(0.5));
byId("now").addEventListener("click", () => guarded(newest));
addEventListener("resize", () => bars.drawTicks(byId("ticks")));
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, button, dialog, summary, a")) return;
  const keys = { " ": () => byId("play").click(), ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1) };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
setInterval(() => {
  if (!document.hidden && bars.end > Date.now() - REREAD_MS) guarded(() => read((bars.start + bars.end) / 2));
}, REREAD_MS);

// Keep a part of the recording: as a clip that is held, or as a file.

const local = (ms) => dateTime(new Date(ms)).replace(" ", "T");

byId("export").addEventListener("click", () => {
  player.pause();
  byId("start").value = local(player.time - 30_000);
  byId("end").value = local(player.time + 30_000);
  byId("progress").textContent = "";
  byId("keep").showModal();
});
byId("cancel").addEventListener("click", () => byId("keep").close());
byId("keep-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [start_at, end_at, reason] = [toUtc(byId("start").value), toUtc(byId("end").value), byId("reason").value];
  try {
    byId("progress").textContent = t("keep-working");
    if (event.submitter.value === "clip") await Promise.all([...chosen].map((camera) => keepClip({ camera, reason, start_at, end_at })));
    else await download({ cameras: [...chosen], start_at, end_at, reason });
    byId("keep").close();
  } catch (error) {
    byId("progress").textContent = error.message;
  }
});

function keepClip(clip) {
  return request("/v1/clips", "POST", { ...clip, name: clip.reason.slice(0, 100), held: true });
}

async function download(wanted) {
  const variants = byId("raw-too").checked ? ["enhanced", "raw"] : ["enhanced"];
  const body = JSON.stringify({ ...wanted, variants, pictures_every_s: Number(byId("pictures").value) });
  const response = await fetch("/v1/recordings/export", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (!response.ok) throw new Error((await response.json()).detail ?? response.statusText);
  const link = element("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition"))?.[1] ?? "recording.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REREAD_MS);
}

guarded(begin);
