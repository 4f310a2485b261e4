// The control-room console: state and frames from one WebSocket, events from server-sent events.

import { Events } from "./events.js";
import { Stream } from "./stream.js";
import { Tile } from "./tile.js";

const REFRESH_MS = 200;
const CAPTION_PX = 58; // below the picture
const GAP_PX = 8;
const MAX_COLUMNS = 4;
const NARROW_PX = 860;

const byId = (id) => document.getElementById(id);
const grid = byId("grid");
const tiles = new Map();
const events = new Events();
let staleAfterMs = 1500;
let single = null;
let mode = "split";
let serverAheadMs = 0;

const stream = new Stream({
  onState: show,
  onFrame(head, enhanced, raw) {
    const tile = tiles.get(head.id);
    if (tile) tile.offer(head, enhanced, raw);
    else stream.ack(head);
  },
  onUp: () => showError(""),
  onDown: (reason) => showError(`Connection to the aggregator lost${reason ? ` (${reason})` : ""}: pictures are not live. Reconnecting.`),
});

function showError(text) {
  byId("banner").hidden = !text;
  byId("banner").textContent = text;
  if (text) {
    byId("health").dataset.status = "lost";
    byId("health-text").textContent = "Connection lost";
  }
}

function show(state) {
  serverAheadMs = state.now_ms - Date.now();
  staleAfterMs = state.site.stale_after_ms;
  document.title = `${state.site.site} · Davy console`;
  const edges = Object.values(state.edges);
  const online = edges.filter((status) => status === "online").length;
  byId("site").textContent = `${state.site.site} · ${online} of ${edges.length} edges online`;
  showHealth(state.site);
  events.name(state.cameras);
  const before = tiles.size;
  for (const camera of state.cameras) {
    if (!tiles.has(camera.id)) addTile(camera.id);
    tiles.get(camera.id).update(camera);
  }
  const present = new Set(state.cameras.map(({ id }) => id));
  for (const [id, tile] of tiles) {
    if (present.has(id)) continue;
    tile.root.remove();
    tiles.delete(id);
  }
  if (tiles.size !== before) layOut();
  grid.classList.toggle("empty", tiles.size === 0);
  refresh();
}

function showHealth(site) {
  byId("health").dataset.status = site.status;
  byId("health-text").textContent = site.status === "ready" ? "All systems ready" : "Degraded";
  const rows = site.dependencies.map(({ name, ok, reason }) => {
    const row = document.createElement("li");
    row.classList.toggle("ok", ok);
    const title = document.createElement("b");
    title.textContent = name;
    row.append(title, ok ? "available" : reason);
    return row;
  });
  byId("health-list").replaceChildren(...rows);
}

function addTile(id) {
  const tile = new Tile(id, { onOpen: toggleSingle, onDone: (head) => stream.ack(head) });
  tile.setMode(mode);
  tiles.set(id, tile);
  grid.append(tile.root);
}

function refresh() {
  const now = performance.now();
  const counts = { live: 0, stale: 0, offline: 0, waiting: 0 };
  for (const tile of tiles.values()) {
    tile.refresh(now, staleAfterMs);
    counts[tile.state] += 1;
  }
  for (const [state, count] of Object.entries(counts)) {
    byId(`count-${state}`).textContent = count;
    byId(`count-${state}`).parentElement.classList.toggle("none", count === 0);
  }
  byId("clock").textContent = new Date(Date.now() + serverAheadMs).toISOString().slice(11, 19);
}

// Choose the number of columns with the largest pictures. The page scrolls if even the smallest do not fit.
function layOut() {
  const shown = single ? 1 : tiles.size;
  if (!shown) return;
  const width = grid.clientWidth - 2 * GAP_PX;
  const narrow = window.innerWidth <= NARROW_PX;
  const height = grid.clientHeight - 2 * GAP_PX;
  let best = { columns: 1, tile: 0 };
  const most = Math.min(shown, narrow ? (window.innerWidth > 600 ? 2 : 1) : MAX_COLUMNS);
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(shown / columns);
    const byWidth = (width - (columns - 1) * GAP_PX) / columns;
    const byHeight = (((height - (rows - 1) * GAP_PX) / rows) - CAPTION_PX) * (16 / 9);
    const tile = narrow ? byWidth * (columns === most ? 2 : 1) : Math.min(byWidth, byHeight);
    if (tile > best.tile) best = { columns, tile };
  }
  const scrolls = narrow || best.tile < 240;
  const columns = scrolls && !narrow ? Math.min(MAX_COLUMNS, Math.max(1, Math.floor(width / 320))) : best.columns;
  grid.style.setProperty("--columns", columns);
  grid.style.gridTemplateColumns = scrolls ? "" : `repeat(${columns}, ${Math.floor(best.tile)}px)`;
  grid.style.alignContent = scrolls ? "start" : "center";
}

function toggleSingle(tile) {
  single?.root.classList.remove("single");
  single = single === tile ? null : tile;
  single?.root.classList.add("single");
  for (const each of tiles.values()) each.watched = !single || each === single;
  grid.classList.toggle("has-single", Boolean(single));
  layOut();
  selectCameras();
}

// Select only visible cameras: a hidden page gets no frames, a single camera gets the full bandwidth.
function selectCameras() {
  const cameras = document.hidden ? [] : single ? [single.id] : null;
  stream.select({ cameras, raw: mode !== "enhanced" });
}

function toggleEvents() {
  const hidden = document.body.classList.toggle("no-events");
  byId("toggle-events").setAttribute("aria-expanded", String(!hidden));
  layOut();
}

for (const choice of document.querySelectorAll("input[name=mode]")) {
  choice.addEventListener("change", () => {
    mode = choice.value;
    for (const tile of tiles.values()) tile.setMode(mode);
    selectCameras();
  });
}
byId("toggle-events").addEventListener("click", toggleEvents);
document.addEventListener("visibilitychange", selectCameras);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && single && !byId("keyframe").open) toggleSingle(single);
});
new ResizeObserver(layOut).observe(grid);
setInterval(refresh, REFRESH_MS);
