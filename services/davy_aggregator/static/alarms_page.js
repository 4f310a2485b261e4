// The page of alarms: those of now, their history, who was told, and the rules.

import { timeElement } from "/web/time.js";
import { kindName, named, said, t } from "/web/words.js";
import { model } from "/static/alarms.js";
import { inOrder, stands } from "/static/alarm_model.js";
import { rows } from "/static/alarm_rows.js";
import { Rules } from "/static/alarm_rules.js";
import { byId, element, request, showError } from "/static/page.js";
import { readZone, Search } from "/static/search.js";

const TRANSITIONS = ["raised", "acknowledged", "returned", "cleared", "shelved", "unshelved", "suppressed", "unsuppressed", "disabled", "enabled", "chattering", "escalated"];
const NAMES = ["kind", "source", "severity", "transition", "since", "until", "text"];
const NOTICES_MS = 5000;

const opened = new Set();
const where = (alarm) => model.where(alarm);
const search = new Search({ path: "/v1/alarms/history", names: NAMES, show: showHistory });

function showNow() {
  const all = [...model.alarms.values()].sort(inOrder);
  const wanted = { standing: stands, hidden: (alarm) => !stands(alarm), all: () => true }[byId("show").value];
  const found = all.filter(wanted);
  byId("now").replaceChildren(...rows(found, where, opened));
  byId("no-alarms").hidden = found.length > 0;
  const counts = new Map();
  for (const { state } of all) counts.set(state, (counts.get(state) ?? 0) + 1);
  byId("counts").textContent = [...counts].map(([state, count]) => `${count} ${named("alarm-state", state)}`).join(" · ");
}

function showHistory({ changes }, isMore) {
  const made = changes.map(change);
  if (isMore) byId("changes").append(...made);
  else byId("changes").replaceChildren(...(made.length ? made : [nothing(6)]));
}

function change(each) {
  const alarm = element("td", "", element("b", "", kindName(each.kind)), ` · ${model.labels.get(each.source) ?? each.source}`, element("small", "", ` ${said(each.message)}`));
  if (each.picture) {
    const link = element("a", "", t("picture"));
    link.href = each.picture;
    link.target = "_blank";
    alarm.append(" ", link);
  }
  return element("tr", "", element("td", "", timeElement(each.at)), element("td", each.severity, named("severity", each.severity)), alarm,
    element("td", "", named("alarm-transition", each.transition)), element("td", "", each.who), element("td", "", each.words));
}

function nothing(columns) {
  const cell = element("td", "soft", t("nothing-found"));
  cell.colSpan = columns;
  return element("tr", "", cell);
}

async function showNotices() {
  try {
    const { notices } = await request("/v1/alarm-notices?limit=20");
    const made = notices.map((each) => element("tr", "", element("td", "", timeElement(each.made_at)), element("td", "", each.target), element("td", "", each.alarm),
      element("td", "", each.sent_at ? timeElement(each.sent_at) : t("not-yet")), element("td", "figure", String(each.attempts)), element("td", each.error ? "bad" : "", each.error)));
    byId("notices").replaceChildren(...(made.length ? made : [nothing(6)]));
  } catch (error) {
    showError(error.message);
  }
}

byId("transition").append(...TRANSITIONS.map((each) => new Option(named("alarm-transition", each), each, false, each === new URLSearchParams(location.search).get("transition"))));
byId("show").addEventListener("change", showNow);
let redraw = null;
model.addEventListener("change", () => {
  redraw ??= setTimeout(() => {
    redraw = null;
    showNow();
  }, 200);
});
showNow();
await readZone();
search.run();
showNotices();
setInterval(() => document.hidden || showNotices(), NOTICES_MS);
const rules = new Rules();
await rules.read();
byId("kinds").append(...Object.keys(rules.defaults).map((kind) => new Option(kind)));
byId("sources").append(...[...model.labels.keys()].map((id) => new Option(id)));
