// The audit journal: newest entries first, filtered by who, operation and time.

import { dateTime, timeElement, toUtc } from "/web/time.js";
import { named, t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const REFUSED = ["401", "403", "429", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"];
const FILTERS = ["who", "operation", "since", "until"];

let cursor = null;

function text(name, value) {
  if (value === null || value === undefined) return "";
  if (name.endsWith("_ns")) return value ? dateTime(new Date(value / 1e6)) : t("never");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// One line per name: the value before struck out, the one after it.
function changeList(before, after) {
  if (!before && !after) return "";
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const list = element("dl");
  for (const name of names) {
    const [old, now] = [text(name, before?.[name]), text(name, after?.[name])];
    if (!old && !now) continue;
    const value = element("dd");
    if (before && old !== now && old) value.append(element("del", "", shortened(old)), " ");
    if (now) value.append(element("ins", "", shortened(now)));
    list.append(element("dt", "", name.replace(/_ns$/, "").replaceAll("_", " ")), value);
  }
  return list;
}

const shortened = (value) => (/^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value.length > 160 ? `${value.slice(0, 160)}…` : value);

function row(entry) {
  const { operation, target } = entry;
  const time = timeElement(entry.at);
  time.title += ` · ${t("journal-row", { row: String(entry.sequence), request: entry.request_id || "–" })}`;
  const asked = operation.endsWith(target) && !operation.includes("{") ? [] : [element("small", "", target)];
  const isRefused = REFUSED.includes(entry.answer);
  const isFailed = /^[45]/.test(entry.answer) || !["ok", "OK", "2", "3"].some((good) => entry.answer.startsWith(good));
  return element("tr", isRefused ? "refused" : isFailed ? "failed" : "",
    element("td", "", time),
    element("td", "who-cell", element("b", "", entry.who), element("small", "", entry.via === "none" ? t("no-identity") : `${named("role", entry.role)}, ${entry.via}`)),
    element("td", "operation", operation, ...asked),
    element("td", "change", changeList(entry.before, entry.after)),
    element("td", "answer", entry.answer),
    element("td", "address", entry.address));
}

function nothing() {
  const cell = element("td", "", t("entries-none"));
  cell.colSpan = 6;
  return element("tr", "empty", cell);
}

function query() {
  const parameters = new URLSearchParams({ limit: "100" });
  for (const name of FILTERS) {
    const value = byId(name).value.trim();
    if (value) parameters.set(name, byId(name).type === "datetime-local" ? toUtc(value) : value);
  }
  return parameters;
}

function showFill({ size, max_bytes: most, error }) {
  const fill = byId("fill");
  fill.textContent = t("journal-fill", { size: (size / 1e6).toFixed(1), most: (most / 1e6).toFixed(0) });
  fill.className = error ? "fill bad" : "fill";
  showError(error);
}

async function show(more = false) {
  const parameters = query();
  if (more && cursor) parameters.set("cursor", cursor);
  try {
    const page = await request(`/v1/journal?${parameters}`);
    const rows = page.entries.map(row);
    if (more) byId("entries").append(...rows);
    else byId("entries").replaceChildren(...(rows.length ? rows : [nothing()]));
    cursor = page.cursor;
    byId("older").hidden = !cursor;
    showFill(page);
  } catch (error) {
    showError(error.message);
  }
}

byId("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
byId("filter").addEventListener("reset", () => setTimeout(() => show()));
byId("older").addEventListener("click", () => show(true));

show();
