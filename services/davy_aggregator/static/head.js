// The head of the console: how many cameras are in which state, the health of the site, its time.

import { clock, dateTime, setZone, zoneName } from "/web/time.js";
import { t } from "/web/words.js";
import { byId, element } from "/static/page.js";

const STATES = ["offline", "stale", "waiting", "live"];

export class Head {
  #aheadMs = 0; // of the server's clock
  #site = null;
  #alarms = 0;
  #counts = { offline: 0, stale: 0, waiting: 0, live: 0 };

  constructor() {
    // The strip of alarms tells how many stand.
    document.addEventListener("davy:alarm-count", ({ detail }) => {
      this.#alarms = detail.count;
      if (this.#site) this.#showHealth();
    });
  }

  show({ now_ms: nowMs, site, edges }) {
    this.#aheadMs = nowMs - Date.now();
    this.#site = site;
    setZone(site.time_zone);
    document.title = t("console-title", { site: site.site });
    const all = Object.values(edges);
    const online = all.filter((status) => status === "online").length;
    byId("site").textContent = t("site-line", { site: site.site, online, all: all.length });
    const rows = site.dependencies.map(({ name, ok, reason }) => element("li", ok ? "ok" : "", element("b", "", name), ok ? t("available") : reason));
    byId("health-list").replaceChildren(...rows);
    this.#showHealth();
  }

  // tiles: of the wall. Their states are newer than the server's.
  count(tiles) {
    const counts = { live: 0, stale: 0, offline: 0, waiting: 0 };
    for (const { state } of tiles) counts[state] += 1;
    for (const state of STATES) {
      byId(`count-${state}`).textContent = counts[state];
      byId(`count-${state}`).parentElement.classList.toggle("none", counts[state] === 0);
    }
    this.#counts = counts;
    if (this.#site) this.#showHealth();
    const now = new Date(Date.now() + this.#aheadMs);
    byId("clock").textContent = clock(now);
    byId("clock").title = `${dateTime(now)} ${zoneName()} · ${now.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  }

  // The worst comes first; "ready" means that nothing at all is wrong.
  #showHealth() {
    const { offline, stale, waiting } = this.#counts;
    if (this.#alarms) this.#health("lost", t("health-alarms", { count: this.#alarms }));
    else if (offline) this.#health("lost", t("health-offline", { count: offline }));
    else if (this.#site.status !== "ready") this.#health("degraded", t("health-degraded"));
    else if (stale + waiting) this.#health("degraded", t("health-silent", { count: stale + waiting }));
    else this.#health("ready", t("health-ready"));
  }

  lost() {
    this.#site = null;
    this.#health("lost", t("health-lost"));
  }

  #health(status, text) {
    byId("health").dataset.status = status;
    if (byId("health-text").textContent !== text) byId("health-text").textContent = text;
  }
}
