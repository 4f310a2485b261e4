// Training runs: phase, curves and sheet of each, live, and the three actions of an operator: start, cancel, resume.

import { timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import "/web/shell.js";

const EVERY_MS = 1500;
const PHASES = { prompts: ["collect", "train"], retrain: ["collect", "train", "evaluate", "register", "rollout"] };
PHASES.adapt = PHASES.people = PHASES.retrain;
const CURVES = ["loss", "psnr_db", "luma"]; // the others follow
const HIDDEN = ["learning_rate"];
const MAX_POINTS = 400;

const byId = (id) => document.getElementById(id);
let picked = location.hash.slice(1);
let source = null;
let curves = new Map(); // stage, then value's name, to [step, value] pairs
let drawn = false;

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

const state = (name) => element("span", `state ${name}`, named("state", name));
const number = (value) => (value === undefined ? "-" : value.toFixed(Math.abs(value) < 10 ? 3 : 2));

async function request(path, body = undefined, method = body === undefined ? "GET" : "POST") {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const response = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : undefined });
  const content = await response.json();
  if (!response.ok) throw new Error(content.detail ?? response.statusText);
  return content;
}

function showError(text) {
  byId("banner").hidden = !text;
  byId("banner").textContent = text;
}

async function act(path, body) {
  try {
    const run = await request(path, body, "POST");
    showError("");
    pick(run.id, true);
    await refresh();
  } catch (error) {
    showError(error.message);
  }
}

function pick(id, again = false) {
  if (id === picked && source && !again) return;
  picked = id;
  window.history.replaceState(null, "", `#${id}`);
  source?.close();
  curves = new Map();
  drawn = false;
  byId("sheet").hidden = true;
  source = new EventSource(`/v1/training-runs/${id}/events`);
  source.addEventListener("progress", (event) => addProgress(JSON.parse(event.data)));
  source.addEventListener("state", () => refresh());
  source.addEventListener("end", () => { source.close(); refresh(); });
}

function addProgress(progress) {
  if (progress.sheet) showSheet(progress.sheet);
  if (progress.total === null) return; // the stage embeds pictures and does not train yet
  if (!curves.has(progress.stage)) curves.set(progress.stage, new Map());
  const values = curves.get(progress.stage);
  for (const [name, value] of Object.entries(progress.values)) {
    if (HIDDEN.includes(name)) continue;
    if (!values.has(name)) values.set(name, []);
    const points = values.get(name);
    while (points.length && points.at(-1)[0] >= progress.step) points.pop(); // resumed from a checkpoint
    points.push([progress.step, value]);
  }
  if (!drawn) requestAnimationFrame(drawCurves);
  drawn = true;
}

function drawCurves() {
  drawn = false;
  const all = [...curves].flatMap(([stage, values]) => [...values].map(([name, points]) => ({ stage, name, points })));
  const rank = ({ name }) => (CURVES.indexOf(name) + 1 || CURVES.length + 1);
  all.sort((a, b) => a.stage.localeCompare(b.stage) || rank(a) - rank(b));
  byId("curves").replaceChildren(...all.filter(({ points }) => points.length > 1).map(curve));
}

function curve({ stage, name, points }) {
  const every = Math.ceil(points.length / MAX_POINTS);
  const some = points.filter((_, index) => index % every === 0 || index === points.length - 1);
  const values = some.map(([, value]) => value);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const first = some[0][0];
  const width = some.at(-1)[0] - first || 1;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const place = ([step, value]) => `${((step - first) / width) * 100},${96 - ((value - low) / span) * 92}`;
  line.setAttribute("points", some.map(place).join(" "));
  svg.append(line);
  const title = element("figcaption", "", element("span", "", `${stage}: ${name}`), element("b", "", number(values.at(-1))));
  const ends = element("div", "ends", element("span", "", t("range", { low: number(low), high: number(low + span) })), element("span", "", t("step", { step: String(some.at(-1)[0]) })));
  return element("figure", "", title, svg, ends);
}

function showSheet(link) {
  const sheet = byId("sheet");
  if (sheet.getAttribute("src") !== link) sheet.src = link;
  sheet.hidden = false;
}

function show(run) {
  byId("shown").hidden = false;
  byId("shown-title").textContent = run.id;
  byId("shown-state").replaceChildren(state(run.cancelling ? "cancelling" : run.state));
  byId("shown-message").textContent = run.message;
  const ended = ["done", "failed", "cancelled"].includes(run.state);
  byId("cancel").hidden = ended || run.cancelling;
  byId("resume").hidden = !["failed", "cancelled"].includes(run.state);
  const phases = PHASES[run.kind];
  const now = phases.indexOf(run.phase);
  byId("phases").replaceChildren(...phases.map((phase, index) => {
    const done = run.state === "done" || index < now;
    const at = index === now && run.state !== "waiting" ? (run.state === "failed" ? "bad" : "now") : "";
    return element("li", done ? "past" : at, named("phase", phase));
  }));
  const { progress } = run;
  const bar = byId("progress");
  if (progress?.total) bar.value = progress.step / progress.total;
  else if (ended || run.state === "waiting") bar.value = run.state === "done" ? 1 : 0;
  else bar.removeAttribute("value");
  byId("step").textContent = progress ? t("progress-of", { stage: progress.stage, step: String(progress.step), total: String(progress.total ?? "?") }) : "";
  const drifted = run.drifted.length ? ` · ${t("run-cameras", { cameras: run.drifted.join(", ") })}` : "";
  byId("why").textContent = `${t("run-reason", { reason: run.reason || t("requested") })}${drifted}${run.kills ? ` · ${t("run-kills", { count: run.kills })}` : ""}`;
  showResult(run.result);
  if (run.sheet) showSheet(run.sheet);
}

function showResult(result) {
  const { figures } = result;
  const names = Object.keys(figures).filter((name) => !name.endsWith("-running"));
  byId("figures").hidden = !names.length;
  byId("figures").tBodies[0].replaceChildren(...names.map((name) => {
    const before = figures[`${name}-running`];
    const gain = before === undefined ? "-" : `${figures[name] >= before ? "+" : ""}${number(figures[name] - before)}`;
    const cells = [number(before), number(figures[name]), gain].map((text) => element("td", "number", text));
    return element("tr", "", element("td", "", name), ...cells);
  }));
  const facts = [];
  if (result.model) facts.push(t("result-model", { model: result.model.slice(0, 12), name: result.frame_id }));
  if (result.model) facts.push(t("result-parent", { model: result.parent.slice(0, 12) || t("as-installed") }));
  if (result.rollout) facts.push(t("result-rollout", { rollout: result.rollout }));
  if (result.note) facts.push(result.note);
  byId("result").textContent = facts.join(" · ");
}

// Embedding drift of each camera: one bar each, full at twice the limit.
function showDrift({ message, above, measured_ns: at, cameras }) {
  const limit = above ?? 1;
  const moment = at ? [", ", timeElement(new Date(at / 1e6))] : [];
  byId("drift-message").replaceChildren(message, ...moment, above === null ? "" : ` · ${t("run-starts-at", { score: number(above) })}`);
  byId("drifts").replaceChildren(...cameras.map(({ camera, score, known }) => {
    const meter = element("meter");
    meter.setAttribute("aria-label", camera);
    Object.assign(meter, { min: 0, max: 2 * limit, low: limit / 2, high: limit, optimum: 0, value: Math.min(score, 2 * limit) });
    const note = known ? number(score) : t("drift-new-camera", { score: number(score) });
    return element("li", "", element("span", "", camera), meter, element("span", "number", note));
  }));
}

function row(run) {
  const line = element("tr", "pick",
    element("td", "", run.id), element("td", "", state(run.state)), element("td", "moment", run.started_at ? timeElement(run.started_at) : "–"),
    element("td", "soft", run.reason || t("requested")), element("td", "soft", run.message));
  line.tabIndex = 0;
  line.setAttribute("aria-selected", String(run.id === picked));
  line.addEventListener("click", () => { pick(run.id); show(run); });
  line.addEventListener("keydown", (event) => { if (event.key === "Enter") line.click(); });
  return line;
}

async function refresh() {
  try {
    const [{ runs }, ready, drift] = await Promise.all([request("/v1/training-runs"), request("/readyz"), request("/v1/embedding-drift")]);
    showDrift(drift);
    const errors = Object.values(ready.errors);
    byId("service").textContent = [ready.active ? "" : t("trainer-standby"), ...errors].filter(Boolean).join(" · ");
    byId("nothing").hidden = runs.length > 0;
    const newest = runs.find((run) => run.state === "running") ?? runs[0];
    const chosen = runs.find((run) => run.id === picked) ?? newest;
    if (chosen) { pick(chosen.id); show(chosen); }
    const rows = runs.map(row);
    const focused = document.activeElement?.closest?.("#runs tr")?.cells[0].textContent;
    byId("runs").replaceChildren(...rows);
    rows.find((each) => each.cells[0].textContent === focused)?.focus();
  } catch (error) {
    showError(t("service-silent", { reason: error.message }));
  }
}

byId("start").addEventListener("click", () => act("/v1/training-runs", { kind: byId("kind").value, reason: byId("reason").value }));
byId("cancel").addEventListener("click", () => act(`/v1/training-runs/${picked}/cancel`));
byId("resume").addEventListener("click", () => act(`/v1/training-runs/${picked}/resume`));
refresh();
setInterval(refresh, EVERY_MS);
