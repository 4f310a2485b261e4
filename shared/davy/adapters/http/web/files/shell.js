// One navigation for the pages of all services, and the choice of the language.

import { setZone } from "/web/time.js";
import { chooseLanguage, language, LANGUAGES, t } from "/web/words.js";

// [message, path on the aggregator, permission]. The aggregator sends /training and /enhance to the services' own pages.
const PAGES = [
  ["nav-wall", "/", ""],
  ["nav-alarms", "/alarms", ""],
  ["nav-events", "/events", ""],
  ["nav-timeline", "/timeline", ""],
  ["nav-edges", "/edges", ""],
  ["nav-places", "/places", ""],
  ["nav-add-camera", "/add-camera", "configure"],
  ["nav-models", "/models", ""],
  ["nav-samples", "/samples", ""],
  ["nav-training", "/training", ""],
  ["nav-enhance", "/enhance", ""],
  ["nav-users", "/users", "administer"],
  ["nav-journal", "/journal", "administer"],
  ["nav-company", "/company", ""],
  ["nav-api", "/docs", ""],
  ["nav-manual", "/manual/", ""],
];

async function navigation() {
  const response = await fetch("/v1/navigation").catch(() => null);
  return response?.ok ? response.json() : { aggregator: "", pages: {} };
}

function link([message, path, permission], { aggregator, pages }) {
  const made = document.createElement("a");
  const own = pages[path];
  made.href = own ?? `${aggregator}${path}`;
  made.textContent = t(message);
  if (own === location.pathname) made.setAttribute("aria-current", "page");
  if (permission) Object.assign(made.dataset, { needs: permission });
  made.hidden = Boolean(permission) || (own === undefined && !aggregator);
  return made;
}

function icon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" })) svg.setAttribute(name, value);
  const bars = document.createElementNS("http://www.w3.org/2000/svg", "path");
  bars.setAttribute("d", "M1 3h14M1 8h14M1 13h14");
  bars.setAttribute("stroke", "currentColor");
  bars.setAttribute("stroke-width", "2");
  svg.append(bars);
  return svg;
}

function languages() {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.append(...Object.entries(LANGUAGES).map(([name, text]) => new Option(text, name, false, name === language)));
  select.addEventListener("change", () => chooseLanguage(select.value));
  label.append(t("language"), select);
  return label;
}

async function build() {
  const place = document.getElementById("nav");
  if (!place) return;
  const menu = document.createElement("details");
  menu.className = "menu";
  const summary = document.createElement("summary");
  summary.className = "plain open-menu";
  summary.append(icon());
  summary.setAttribute("aria-label", t("nav"));
  const sheet = document.createElement("nav");
  sheet.className = "sheet";
  sheet.setAttribute("aria-label", t("nav"));
  menu.append(summary, sheet);
  place.replaceChildren(menu);
  const known = await navigation();
  if (known.time_zone) setZone(known.time_zone);
  sheet.append(...PAGES.map((page) => link(page, known)), languages());
}

document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
build();
