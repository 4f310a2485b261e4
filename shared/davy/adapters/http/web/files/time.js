// Times in the site's time zone, in ISO 8601's order; UTC on hover.

import { t } from "/web/words.js";

const COOKIE = "davy_time_zone"; // the aggregator's pages know the zone; those of the other services read it here
const DAY_S = 86_400;

let zone = document.cookie.split("; ").find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) || "UTC";
let formats = makeFormats(zone);

function makeFormats(timeZone) {
  const parts = { timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return new Intl.DateTimeFormat("sv-SE", parts); // Swedish dates are written as ISO 8601 has them
}

export function setZone(name) {
  document.cookie = `${COOKIE}=${name}; path=/; max-age=${30 * DAY_S}; samesite=lax`;
  if (name === zone) return;
  zone = name;
  formats = makeFormats(name);
  for (const node of document.querySelectorAll("time[datetime]")) show(node, node.dateTime, node.dataset.form);
}

export const zoneName = () => zone;

const moment = (when) => (when instanceof Date ? when : new Date(when));
const utc = (when) => `${moment(when).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export function dateTime(when) {
  return formats.format(moment(when));
}

export const date = (when) => dateTime(when).slice(0, 10);
export const clock = (when) => dateTime(when).slice(11);

// The time alone for a moment of today, else with its date.
export function brief(when) {
  return date(when) === date(new Date()) ? clock(when) : dateTime(when);
}

const FORMS = { brief, clock, date, full: dateTime };

function show(node, when, form) {
  node.textContent = FORMS[form](when);
  node.title = `${utc(when)}${zone === "UTC" ? "" : ` · ${t("time-zone", { zone })}`}`;
}

// An element of a moment: its text follows the site's time zone, its title says UTC.
export function timeElement(when, form = "full") {
  const node = document.createElement("time");
  if (!when) return node;
  node.dateTime = moment(when).toISOString();
  node.dataset.form = form;
  show(node, when, form);
  return node;
}

// The moment of a field of type datetime-local, which holds the site's time, as ISO 8601 in UTC.
export function toUtc(local) {
  if (!local) return "";
  const wanted = Date.parse(`${local.length === 16 ? `${local}:00` : local}Z`);
  let guess = wanted;
  for (let turn = 0; turn < 2; turn += 1) guess -= Date.parse(`${dateTime(new Date(guess)).replace(" ", "T")}Z`) - wanted;
  return new Date(guess).toISOString();
}
