// Models and rollouts: the model of every edge, gate figures, and the operator's actions.

import { timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const EVERY_MS = 1000;
const MODELS_EVERY = 5; // turns
const ACTIONS = {
  unconfirmed: ["do-confirm", "confirm", "confirm"],
  running: ["do-pause", "pause", "hold"],
  paused: ["do-resume", "resume", "roll-out"],
}; // by state: message, route, permission
const COUNTS = [["frames", () => false], ["frames-lost", (value) => value > 1]]; // figure, whether a value is bad

let rollouts = [];
let models = [];
let candidates = [];
let me = "";
let turn = 0;

const OPEN = ["unconfirmed", "running", "paused"]; // states before the end

const short = (id) => (id ? id.slice(0, 12) : t("as-installed"));
const state = (name) => element("span", `state ${name}`, named("state", name));

function nothing(columns, text) {
  const row = element("tr", "empty");
  const cell = element("td", "", text);
  cell.colSpan = columns;
  row.append(cell);
  return row;
}

async function act(path, body, method = "POST") {
  try {
    await request(path, method, body);
    turn = 0;
    await refresh();
  } catch (error) {
    showError(error.message);
  }
}

function button(label, permission, onClick) {
  const made = element("button", "plain", label);
  made.type = "button";
  made.dataset.needs = permission;
  made.addEventListener("click", onClick);
  return made;
}

function showRollout(rollout) {
  const running = rollout && OPEN.includes(rollout.state);
  byId("waves").replaceChildren(...(rollout ? waves(rollout) : []));
  if (!rollout) return;
  const note = byId("rollout-note");
  note.replaceChildren(state(rollout.state), ` ${t("rollout-model", { model: short(rollout.model), kind: named("model-kind", rollout.kind) })} `, timeElement(rollout.created_at));
  if (rollout.started_by) note.append(` ${t("by", { who: rollout.started_by })}`);
  if (rollout.confirmed_by) note.append(`, ${t("confirmed-by", { who: rollout.confirmed_by })}`);
  if (rollout.state === "unconfirmed") note.append(` · ${t("waits-for-second")} · ${terms(rollout.spec)}`);
  if (rollout.reason) note.append(` · ${rollout.reason}`);
  const path = `/v1/rollouts/${rollout.id}`;
  const wanted = running ? `${rollout.id} ${rollout.state}` : "";
  if (byId("rollout-actions").dataset.shows === wanted) return;
  byId("rollout-actions").dataset.shows = wanted;
  const [label, action, permission] = ACTIONS[rollout.state] ?? ACTIONS.running;
  const buttons = [button(t(label), permission, () => act(`${path}/${action}`)), button(t("do-abort"), "hold", () => act(`${path}/abort`))];
  if (rollout.state === "unconfirmed" && rollout.started_by === me) {
    buttons[0].disabled = true;
    buttons[0].title = t("another-confirms");
  }
  byId("rollout-actions").replaceChildren(...(running ? buttons : []));
}

async function showReport(candidate) {
  try {
    byId("report-text").textContent = (await request(`/v1/candidates/${candidate.id}`)).card || t("report-none");
    byId("report").showModal();
  } catch (error) {
    showError(error.message);
  }
}

function showCandidates() {
  const rows = candidates.map((candidate) => {
    const { proposal } = candidate;
    const row = element("tr");
    const id = element("td", "", element("code", "", short(candidate.id)));
    id.title = candidate.id;
    const figures = Object.entries(candidate.figures).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    const load = element("a", "plain", t("do-download"));
    load.href = `/v1/candidates/${candidate.id}/package.zip`;
    load.dataset.needs = "curate";
    const end = button(t("delete"), "curate", () => act(`/v1/candidates/${candidate.id}`, undefined, "DELETE"));
    row.append(id, element("td", "kind soft", named("model-kind", candidate.kind)), element("td", "soft", candidate.frame_id), element("td", "soft", timeElement(candidate.added)), element("td", "by", proposal.by));
    row.append(element("td", "why", proposal.cause), element("td", "why", proposal.checks.join("; ")), element("td", "soft", figures.join(", ")));
    const report = element("button", "plain", t("do-report"));
    report.type = "button";
    report.addEventListener("click", () => showReport(candidate));
    row.append(element("td", "figure", report, " ", load, " ", end));
    return row;
  });
  byId("candidates").replaceChildren(...rows);
  byId("candidates-card").hidden = !rows.length;
}

// What the second person confirms beside model and edges.
function terms({ shadow_frames, probation_s, failures, gates }) {
  const limits = Object.entries(gates).map(([name, limit]) => `${name} ${limit}`);
  return t("rollout-terms", { frames: String(shadow_frames), seconds: String(probation_s), failures: String(failures * 100), gates: limits.join(", ") });
}

function waves(rollout) {
  return Array.from({ length: rollout.waves }, (_, wave) => {
    const edges = rollout.edges.filter((edge) => edge.wave === wave);
    const done = edges.filter((edge) => edge.state === "active" && !edge.returned).length;
    const track = element("div", "track", ...edges.map((edge) => element("i", edge.returned && edge.state === "active" ? "returned" : edge.state)));
    const text = t(wave ? "wave" : "canary", { wave: wave + 1, done, all: edges.length });
    return element("li", wave === rollout.wave ? "now" : "", track, element("p", "", text));
  });
}

function showHead(gates) {
  if (byId("edges-head").querySelector("[data-figure]")) return;
  const heads = gates.map(({ figure, description }) => {
    const head = element("th", "figure", figure);
    head.title = description;
    head.dataset.figure = figure;
    return head;
  });
  byId("edges-head").querySelector(".figure").before(...heads);
}

function breaks(gate, value, limits) {
  const limit = limits[gate.setting];
  return gate.is_least ? value < limit : value > limit;
}

function showEdges(edges, gates, rollout) {
  showHead(gates);
  const limits = rollout?.spec.gates ?? {};
  const figures = [...gates.map((gate) => [gate.figure, (value) => breaks(gate, value, limits)]), ...COUNTS];
  // A returned edge shows the figures of the rejected model, not those of its baseline.
  const returned = new Map((rollout?.edges ?? []).filter((edge) => edge.returned && edge.cause).map((edge) => [edge.edge, edge]));
  const rows = edges.map(({ edge, kind, online, reported }) => {
    const row = element("tr");
    const report = returned.get(edge) ?? reported;
    row.dataset.edge = edge;
    const runs = element("td", "", element("code", "", short(reported.model)));
    runs.title = `${reported.model} ${reported.frame_id}`;
    const name = { edge, enhancer: t("edge-enhancer", { edge }), analysis: t("edge-analysis") }[kind];
    row.append(element("td", "", name), element("td", "", state(online ? reported.state : "offline")), runs);
    row.append(element("td", "soft", String(reported.epoch || "")));
    for (const [name, broken] of figures) {
      const value = report.figures[name];
      const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 0.1 ? 3 : 2;
      row.append(element("td", `figure${value !== undefined && broken(value) ? " bad" : ""}`, value?.toFixed(digits) ?? ""));
    }
    row.append(element("td", "why", `${returned.has(edge) ? `${t("rejected-model", { model: short(rollout.model) })} ` : ""}${[report.cause, report.reason].filter(Boolean).join(": ")}`));
    return row;
  });
  byId("edges").replaceChildren(...(rows.length ? rows : [nothing(7 + gates.length, t("edges-none"))]));
  const active = edges.filter(({ online }) => online).length;
  byId("edges-note").textContent = t("edges-online", { online: active, all: edges.length });
}

function showModels() {
  const rows = models.map((model) => {
    const row = element("tr");
    const id = element("td", "", element("code", "", short(model.id)));
    id.title = model.id;
    const figures = Object.entries(model.figures).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    const tags = element("td", "", ...model.tags.map((tag) => element("span", "tag-chip", tag)));
    const begin = button(t("do-roll-out"), "roll-out", () => confirmRollout(model));
    begin.disabled = rollouts.some(({ state: now }) => OPEN.includes(now));
    row.append(id, element("td", "kind soft", named("model-kind", model.kind)), element("td", "soft", model.frame_id), element("td", "soft", timeElement(model.created)), tags);
    row.append(element("td", "soft", figures.join(", ")), element("td", "soft", model.run), element("td", "", model.runs_on.join(", ")));
    row.append(element("td", "figure", begin));
    return row;
  });
  byId("models").replaceChildren(...(rows.length ? rows : [nothing(9, t("registry-empty"))]));
  byId("models-note").textContent = t("models-count", { count: models.length });
}

function showPast() {
  const rows = rollouts.slice(1, 20).map((rollout) => {
    const row = element("tr");
    row.append(element("td", "soft", timeElement(rollout.created_at)), element("td", "by", rollout.started_by));
    row.append(element("td", "by", rollout.confirmed_by), element("td", "", element("code", "", short(rollout.model))), element("td", "kind soft", named("model-kind", rollout.kind)));
    row.append(element("td", "", state(rollout.state)), element("td", "soft", String(rollout.edges.length)));
    row.append(element("td", "why", rollout.reason));
    return row;
  });
  byId("past").replaceChildren(...(rows.length ? rows : [nothing(8, t("none"))]));
}

function confirmRollout(model) {
  byId("ask-text").textContent = t(model.kind === "detector" ? "ask-rollout-detector" : "ask-rollout", { model: short(model.id), name: model.run || model.frame_id });
  const dialog = byId("ask");
  dialog.onclose = () => dialog.returnValue === "yes" && act("/v1/rollouts", { model: model.id });
  dialog.returnValue = "";
  dialog.showModal();
}

async function refresh() {
  const [found, reports] = await Promise.all([request("/v1/rollouts"), request("/v1/fleet")]);
  rollouts = found.rollouts;
  if (turn % MODELS_EVERY === 0) {
    const [known, waiting] = await Promise.all([request("/v1/models"), request("/v1/candidates")]);
    [models, candidates] = [known.models, waiting.candidates];
  }
  turn += 1;
  showRollout(rollouts[0]);
  showEdges(reports.edges, reports.gates, rollouts[0]);
  showCandidates();
  showModels();
  showPast();
}

async function loop() {
  try {
    me ||= (await request("/v1/session")).name;
    if (!document.hidden) await refresh();
    showError("");
  } catch (error) {
    showError(t("no-answer", { reason: error.message }));
  }
  setTimeout(loop, EVERY_MS);
}

loop();
