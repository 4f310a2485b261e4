// Zones, lines and rules of one camera: a typed list, drawn on its newest picture.

import { named, t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";
import { ZoneEditor } from "/static/zones.js";

const REFRESH_MS = 1000;
// [field, what it refers to or its default, step]; see davy/place_rules.py
const KINDS = {
  "person-in-zone": ["zone", ["for_s", 0.5]],
  "person-on-belt": ["zone", ["for_s", 0.5], ["motion", 0.02]],
  loitering: ["zone", ["for_s", 120]],
  crowd: ["zone", ["most", 5], ["for_s", 5]],
  "nobody-there": ["zone", ["least", 1], ["for_s", 60]],
  "line-crossed": ["line", "direction", ["hold_s", 5]],
  "object-left": ["zone", ["share", 0.02], ["for_s", 60]],
  "helmet-missing": ["zone", ["for_s", 3]],
  smoke: [["contrast", 0.6], ["for_s", 10]],
  "belt-stopped": ["zone", ["motion", 0.02], ["for_s", 10]],
  "belt-empty": ["zone", ["motion", 0.005], ["texture", 0.6], ["for_s", 60]],
};
const SEVERITIES = ["alarm", "warning", "info"];
const DIRECTIONS = ["both", "in", "out"];
const SQUARE = [[0.35, 0.5], [0.65, 0.5], [0.65, 0.8], [0.35, 0.8]];

let edges = [];
let base = ""; // ETag of the configuration that the edits start from
let draft = { zones: [], lines: [], rules: [] };
let chosen = 0;

const editor = new ZoneEditor(byId("stage"), (index, shape) => { replace(index, shape); changed(false); });
const shapes = () => [...draft.zones, ...draft.lines];
const [edgeId, cameraId] = ["edge", "camera"].map((_, part) => () => byId("camera").value.split(".")[part]);

function replace(index, shape) {
  const list = index < draft.zones.length ? draft.zones : draft.lines;
  list[index < draft.zones.length ? index : index - draft.zones.length] = shape;
}

function freeName(stem, list) {
  let number = 1;
  while (list.some((each) => each.name === `${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

function load() {
  const edge = edges.find((each) => each.edge === edgeId());
  const camera = edge.desired.config.cameras[cameraId()];
  base = edge.desired.id;
  draft = structuredClone({ zones: camera.zones ?? [], lines: camera.lines ?? [], rules: camera.rules ?? [] });
  chosen = 0;
  byId("change").hidden = true;
  history.replaceState(null, "", `?camera=${byId("camera").value}`);
  render();
  picture();
}

function changed(rows = true) {
  byId("change").hidden = false;
  byId("saved").textContent = "";
  if (rows) render();
  else editor.show(shapes(), chosen);
}

function render() {
  editor.show(shapes(), chosen);
  byId("shapes").replaceChildren(...shapes().map(shapeRow));
  byId("rules").replaceChildren(...draft.rules.map(ruleRow));
}

function remover(text, remove) {
  const made = element("button", "quiet", "×");
  made.type = "button";
  made.dataset.needs = "configure";
  made.setAttribute("aria-label", text);
  made.addEventListener("click", () => { remove(); changed(); });
  return made;
}

function shapeRow(shape, index) {
  const pick = Object.assign(document.createElement("input"), { type: "radio", name: "shape", checked: index === chosen });
  pick.setAttribute("aria-label", t("edit-shape", { name: shape.name }));
  pick.addEventListener("change", () => { chosen = index; editor.show(shapes(), chosen); });
  const name = field("name", shape.name, "text", (value) => rename(index, value));
  const list = shape.polygon ? draft.zones : draft.lines;
  return element("li", "", pick, t(shape.polygon ? "place-zone" : "place-line"), name, remover(t("remove-camera", { name: shape.name }), () => { list.splice(list.indexOf(shape), 1); chosen = 0; }));
}

function rename(index, name) {
  const shape = shapes()[index];
  const kind = shape.polygon ? "zone" : "line";
  draft.rules = draft.rules.map((rule) => (rule[kind] === shape.name ? { ...rule, [kind]: name } : rule));
  replace(index, { ...shape, name });
}

function field(name, value, type, set) {
  const made = Object.assign(document.createElement("input"), { type, name, value: value ?? "", step: "any" });
  made.dataset.needs = "configure";
  made.setAttribute("aria-label", named("place", name));
  made.addEventListener("change", () => { set(type === "number" ? Number(made.value) : made.value); changed(); });
  return made;
}

function choice(name, options, value, set) {
  const made = document.createElement("select");
  made.dataset.needs = "configure";
  made.name = name;
  made.setAttribute("aria-label", named("place", name));
  made.append(...options.map((option) => new Option(named("rule", option), option, false, option === value)));
  made.addEventListener("change", () => { set(made.value); changed(); });
  return made;
}

function ruleRow(rule, index) {
  const set = (name) => (value) => { draft.rules[index] = { ...draft.rules[index], [name]: value }; };
  const parts = KINDS[rule.kind].map((part) => {
    if (part === "zone") return labelled(part, choice(part, draft.zones.map((each) => each.name), rule.zone, set(part)));
    if (part === "line") return labelled(part, choice(part, draft.lines.map((each) => each.name), rule.line, set(part)));
    if (part === "direction") return labelled(part, choice(part, DIRECTIONS, rule.direction, set(part)));
    return labelled(part[0], field(part[0], rule[part[0]], "number", set(part[0])));
  });
  const kind = choice("kind", Object.keys(KINDS), rule.kind, (value) => { draft.rules[index] = fresh(value, rule.name); });
  const name = field("name", rule.name, "text", set("name"));
  const severity = choice("severity", SEVERITIES, rule.severity, set("severity"));
  return element("li", "", kind, name, severity, ...parts, remover(t("remove-camera", { name: rule.name }), () => draft.rules.splice(index, 1)));
}

function labelled(text, control) {
  return element("label", "", named("place", text), control);
}

function fresh(kind, name) {
  const rule = { kind, name, severity: "alarm" };
  for (const part of KINDS[kind]) {
    if (part === "zone") rule.zone = draft.zones[0]?.name ?? "";
    else if (part === "line") rule.line = draft.lines[0]?.name ?? "";
    else if (part === "direction") rule.direction = "both";
    else rule[part[0]] = part[1];
  }
  return rule;
}

async function apply(event) {
  event.preventDefault();
  const edge = edges.find((each) => each.edge === edgeId());
  const config = structuredClone(edge.desired.config);
  Object.assign(config.cameras[cameraId()], draft);
  try {
    const why = byId("change").elements.why.value;
    const view = await request(`/v1/edges/${edge.edge}/config`, "PUT", { config, why }, { "If-Match": `"${base}"` });
    edges = edges.map((each) => (each.edge === edge.edge ? view : each));
    showError("");
    load();
    byId("saved").textContent = t("saved");
  } catch (error) {
    showError(error.message);
  }
}

function picture() {
  byId("picture").src = `/v1/cameras/${byId("camera").value}/latest.jpg?at=${Date.now()}`;
}

async function start() {
  edges = (await request("/v1/configs")).edges;
  const cameras = edges.flatMap((edge) => Object.keys(edge.desired.config.cameras).map((camera) => `${edge.edge}.${camera}`));
  const wanted = new URLSearchParams(location.search).get("camera");
  byId("camera").append(...cameras.map((name) => new Option(name, name, false, name === wanted)));
  byId("camera").addEventListener("change", load);
  byId("add-zone").addEventListener("click", () => { draft.zones.push({ name: freeName("zone", draft.zones), polygon: structuredClone(SQUARE) }); chosen = draft.zones.length - 1; changed(); });
  byId("add-line").addEventListener("click", () => { draft.lines.push({ name: freeName("line", draft.lines), start: [0.3, 0.6], end: [0.7, 0.6] }); chosen = shapes().length - 1; changed(); });
  byId("add-rule").addEventListener("click", () => { draft.rules.push(fresh(draft.zones.length ? "person-in-zone" : "smoke", freeName("rule", draft.rules))); changed(); });
  byId("change").addEventListener("submit", apply);
  byId("discard").addEventListener("click", load);
  setInterval(() => { if (!document.hidden) picture(); }, REFRESH_MS);
  if (cameras.length) load();
}

start().catch((error) => showError(error.message));
