// Alarms as rows: shape, words, time and what can be done; many of one kind are one row that opens.

import { timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import { acknowledge, shelve, unshelve } from "/static/alarm_dialog.js";
import { inOrder, isUnanswered } from "/static/alarm_model.js";
import { element, showError } from "/static/page.js";

const GROUPED_FROM = 8; // rows
const SVG = "http://www.w3.org/2000/svg";
const PATHS = { alarm: "M8 1 15.5 15H.5z", warning: "M8 .8 15.2 8 8 15.2 .8 8z", info: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z" };

// A triangle, a diamond or a disc; hollow once it is answered.
export function shape(alarm) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" })) svg.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[alarm.severity]);
  path.setAttribute("class", isUnanswered(alarm) ? "full" : "hollow");
  svg.append(path);
  return svg;
}

export function buttons(alarms, where) {
  const open = alarms.filter(isUnanswered);
  const made = [];
  if (open.length) made.push(button("alarm-acknowledge", () => acknowledge(open, where), open.length > 1 ? open.length : 0));
  if (alarms.length === 1) {
    const [alarm] = alarms;
    if (alarm.state === "shelved") made.push(button("alarm-unshelve", () => unshelve(alarm).catch((error) => showError(error.message))));
    else if (alarm.state !== "out-of-service") made.push(button("alarm-shelve", () => shelve(alarms, where)));
  }
  return made;
}

function button(message, act, count = 0) {
  const made = element("button", "plain", count ? `${t(message)} (${count})` : t(message));
  made.type = "button";
  made.dataset.needs = "adjust";
  made.hidden = true; // until the session says who is here
  made.addEventListener("click", act);
  return made;
}

export function tags(alarm) {
  const made = [element("span", "severity", named("severity", alarm.severity))];
  if (alarm.state !== "unacknowledged") made.push(element("span", "tag", named("alarm-state", alarm.state)));
  if (alarm.chattering) made.push(element("span", "tag", t("alarm-chattering")));
  if (alarm.escalated) made.push(element("span", "tag", t("alarm-escalated")));
  return made;
}

export function row(alarm, where) {
  const place = where(alarm);
  const title = alarm.camera ? link(alarm, place) : place;
  const made = element("li", `alarm-row ${alarm.severity}${isUnanswered(alarm) ? " unanswered" : ""}`);
  made.dataset.alarm = alarm.id;
  const words = element("p", "what", ...tags(alarm), element("b", "", alarm.title), title ? " · " : "", title, element("span", "message", ` ${alarm.message}`));
  made.append(shape(alarm), words, timeElement(alarm.raised_at, "brief"));
  if (alarm.acknowledged) words.append(element("span", "answer", ` ${t("alarm-by", { who: alarm.acknowledged.who })}${alarm.acknowledged.words ? `: ${alarm.acknowledged.words}` : ""}`));
  if (alarm.shelved) words.append(element("span", "answer", ` ${t("alarm-shelved-by", { who: alarm.shelved.who })}: ${alarm.shelved.words}`));
  made.append(element("span", "actions", ...buttons([alarm], where)));
  return made;
}

// Jump to the camera, and to the moment if it was recorded.
function link(alarm, text) {
  const made = element("a", "", text || alarm.camera);
  made.href = `/?${new URLSearchParams({ camera: alarm.camera, at: alarm.raised_at ?? "" })}`;
  return made;
}

export function rows(alarms, where, opened) {
  const byKind = new Map();
  for (const alarm of alarms) byKind.set(alarm.kind, [...(byKind.get(alarm.kind) ?? []), alarm]);
  if (alarms.length <= GROUPED_FROM) return alarms.map((alarm) => row(alarm, where));
  return [...byKind.values()].map((some) => (some.length === 1 ? row(some[0], where) : group(some.sort(inOrder), where, opened)));
}

function group(alarms, where, opened) {
  const [worst] = alarms;
  const made = element("li", `alarm-row group ${worst.severity}${isUnanswered(worst) ? " unanswered" : ""}`);
  const toggle = element("button", "plain fold", t("alarm-group", { title: worst.title, count: alarms.length }));
  const inner = element("ol", "inner");
  const show = () => {
    const isOpen = opened.has(worst.kind);
    toggle.setAttribute("aria-expanded", String(isOpen));
    inner.hidden = !isOpen;
    inner.replaceChildren(...(isOpen ? alarms.map((alarm) => row(alarm, where)) : []));
  };
  toggle.type = "button";
  toggle.addEventListener("click", () => {
    if (!opened.delete(worst.kind)) opened.add(worst.kind);
    show();
  });
  made.append(shape(worst), element("p", "what", ...tags(worst), toggle), timeElement(worst.raised_at, "brief"), element("span", "actions", ...buttons(alarms, where)), inner);
  show();
  return made;
}
