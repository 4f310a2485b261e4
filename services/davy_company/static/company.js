// All sites of a company: their states, and the alarms that nobody has answered. Every figure says how old it is.

import { timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import "/web/shell.js";

const EVERY_MS = 3000;
const byId = (id) => document.getElementById(id);
let announced = -1;

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error((await response.json().catch(() => null))?.detail ?? response.statusText);
  return response.json();
}

function anchor(text, href) {
  const link = element("a", "", text);
  link.href = href;
  return link;
}

function figure(label, value, className = "") {
  return element("div", "", element("dt", "", t(label)), element("dd", className, String(value)));
}

const waiting = (alarms) => (alarms.unacknowledged ?? 0) + (alarms.returned ?? 0);

function siteCard(site) {
  const unanswered = waiting(site.alarms);
  const head = element("h3", "", anchor(site.name, `${site.console}/`), element("span", "state", named("site-state", site.state)));
  const figures = element("dl", "figures");
  if (site.answered_at) {
    figures.append(
      figure("company-live", `${site.live} / ${site.cameras}`, site.live < site.cameras ? "urgent" : ""),
      figure("company-unanswered", unanswered, unanswered ? "urgent" : ""),
      figure("company-edges", site.edges),
    );
  }
  const seen = element("p", "");
  if (site.answered_at) seen.append(t("company-answered"), " ", timeElement(site.answered_at, "brief"), ` · ${site.version}`);
  const card = element("li", `site ${site.state}`, head, figures, element("p", "reason", site.reason), seen);
  card.dataset.site = site.name;
  return card;
}

function alarmRow(alarm) {
  const text = element("td", "text", anchor(alarm.title, alarm.link), element("small", "", alarm.message));
  const moment = element("td", "moment", timeElement(alarm.raised_at, "brief"));
  const severity = element("td", "severity", named("severity", alarm.severity));
  return element("tr", alarm.severity, severity, element("td", "", alarm.site), element("td", "", alarm.source), text, moment);
}

// A card or row that has the focus keeps it: what has not changed is not replaced.
function update(list, nodes) {
  nodes.forEach((node, place) => {
    const old = list.children[place];
    if (!old) list.append(node);
    else if (old.outerHTML !== node.outerHTML) old.replaceWith(node);
  });
  while (list.children.length > nodes.length) list.lastChild.remove();
}

async function refresh() {
  try {
    const [{ company, sites }, { alarms, unanswered }] = await Promise.all([get("/v1/sites"), get("/v1/alarms")]);
    byId("banner").hidden = true;
    byId("company").textContent = company;
    const live = sites.reduce((sum, site) => sum + site.live, 0), all = sites.reduce((sum, site) => sum + site.cameras, 0);
    byId("total").textContent = t("company-total", { sites: String(sites.length), live: String(live), cameras: String(all) });
    update(byId("sites"), sites.map(siteCard));
    update(byId("alarms"), alarms.map(alarmRow));
    byId("alarm-table").hidden = !alarms.length;
    byId("calm").hidden = alarms.length > 0;
    document.title = `${unanswered ? `(${unanswered}) ` : ""}${t("title-company")}`;
    if (unanswered !== announced) byId("news").textContent = t("company-news", { count: String(unanswered) });
    announced = unanswered;
  } catch (error) {
    byId("banner").hidden = false;
    byId("banner").textContent = t("company-lost", { reason: error.message });
  } finally {
    setTimeout(refresh, EVERY_MS);
  }
}

refresh();
