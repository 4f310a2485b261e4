// A wall for a big screen, /wall/NAME: no controls. It survives restarts of the aggregator, of the network and of itself.

import { setZone } from "/web/time.js";
import { t } from "/web/words.js";
import { byId, request, showError } from "/static/page.js";
import { Stream } from "/static/stream.js";
import { Wall } from "/static/wall.js";

const REFRESH_MS = 200;
const READ_LAYOUT_MS = 30_000;
const name = decodeURIComponent(location.pathname.split("/").at(-1));

let staleAfterMs = 1500;
let version = null;
let shown = "";

// The link of a screen carries its token in the fragment. Who has no session yet was sent to /login, which the browser gives
// the fragment, too.
async function signIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await request("/v1/session", "POST", { token });
}

async function readLayout(wall) {
  try {
    const { layout } = await request(`/v1/walls/${encodeURIComponent(name)}`);
    if (JSON.stringify(layout) === shown) return;
    shown = JSON.stringify(layout);
    wall.set(layout);
  } catch (error) {
    if (!shown) showError(error.message);
  }
}

// A new version brings new scripts. The server answers at this moment, so that the page can be read again.
function reloadFor(site) {
  version ??= site.version;
  if (site.version !== version) location.reload();
}

async function start() {
  await signIn();
  const stream = new Stream({
    onState(state) {
      reloadFor(state.site);
      staleAfterMs = state.site.stale_after_ms;
      setZone(state.site.time_zone);
      document.title = t("wall-title", { name });
      wall.update(state);
    },
    onFrame: (head, enhanced, raw) => wall.offer(head, enhanced, raw),
    onEvent: (event) => document.dispatchEvent(new CustomEvent("davy:event", { detail: event })),
    onUp() {
      showError("");
      readLayout(wall);
    },
    onDown: (reason) => showError(reason ? t("connection-lost-because", { reason }) : t("connection-lost")),
  });
  const wall = new Wall(byId("grid"), stream, () => {}, true);
  setInterval(() => { for (const tile of wall.tiles.values()) tile.refresh(performance.now(), staleAfterMs); }, REFRESH_MS);
  setInterval(() => readLayout(wall), READ_LAYOUT_MS);
}

start().catch((error) => showError(error.message));
