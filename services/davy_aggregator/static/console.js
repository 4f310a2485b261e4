// The control-room console: pictures, states and events from one WebSocket.

import { t } from "/web/words.js";
import { DialsPanel, makeDials } from "/static/dials.js";
import { Events } from "/static/events.js";
import { Head } from "/static/head.js";
import { fullScreen, listen } from "/static/keys.js";
import { fromAddress, rememberMode, toAddress } from "/static/layout.js";
import { byId, showError } from "/static/page.js";
import { Player } from "/static/player.js";
import { Stream } from "/static/stream.js";
import { View } from "/static/view.js";
import { Wall } from "/static/wall.js";

const REFRESH_MS = 200;

makeDials();
const dials = new DialsPanel();
const head = new Head();
const events = new Events();
let staleAfterMs = 1500;
let wantedSingle = new URLSearchParams(location.search).get("camera");

const stream = new Stream({
  onState(state) {
    staleAfterMs = state.site.stale_after_ms;
    events.name(state.cameras);
    wall.update(state);
    head.show(state);
    const tile = wantedSingle && wall.tiles.get(wantedSingle);
    wantedSingle = null;
    if (tile) wall.show(tile);
    player.follow(wall.single); // its video may have come or gone
    refresh();
  },
  onFrame: (frame, enhanced, raw) => wall.offer(frame, enhanced, raw),
  onEvent: (event) => events.add(event, true),
  onUp() {
    showError("");
    events.readPast();
  },
  onDown(reason) {
    showError(reason ? t("connection-lost-because", { reason }) : t("connection-lost"));
    head.lost();
  },
});
const wall = new Wall(byId("grid"), stream, () => {
  toAddress(wall.layout, wall.single?.id);
  dials.show(wall.single);
  view.show();
  player.follow(wall.single);
});
const player = new Player(() => wall.select());
const view = new View(wall);

function refresh() {
  const now = performance.now();
  for (const tile of wall.tiles.values()) tile.refresh(now, staleAfterMs);
  head.count(wall.tiles.values());
}

function toggleEvents() {
  const hidden = document.body.classList.toggle("no-events");
  byId("toggle-events").setAttribute("aria-expanded", String(!hidden));
  wall.layOut();
}

for (const choice of document.querySelectorAll("input[name=mode]")) {
  choice.addEventListener("change", () => {
    rememberMode(choice.value);
    wall.set({ mode: choice.value });
  });
}
byId("toggle-events").addEventListener("click", toggleEvents);
byId("full-screen").addEventListener("click", fullScreen);
listen(wall);
wall.set(fromAddress());
setInterval(refresh, REFRESH_MS);
