// Desired and reported configuration of every edge; operators edit cameras here.

import { timeElement } from "/web/time.js";
import { localise, named, t } from "/web/words.js";
import { element, request, showError } from "/static/page.js";

const EVERY_MS = 1000;
const FIELDS = [ // name, kind, limits
  ["label", "text", { className: "label" }],
  ["source", "text", { className: "source", spellcheck: false }],
  ["fps", "number", { min: 0.1, max: 120, step: "any" }],
  ["width", "number", { min: 1, max: 7680 }],
  ["height", "number", { min: 1, max: 4320 }],
  ["strength", "range", { min: 0, max: 1, step: 0.05 }],
  ["quality", "number", { min: 30, max: 100 }],
  ["max_age_ms", "number", { min: 1 }],
  ["timeout_s", "number", { min: 0.1, step: "any" }],
  ["send_raw", "checkbox", {}],
];
const ADJUSTABLE = new Set(["strength"]); // the others need the permission to configure
const FRESH = { label: "", source: "", fps: 10, width: null, height: null, strength: 1, quality: 85, max_age_ms: 500, timeout_s: 5, send_raw: true };

const cards = new Map();

function button(label, permission, onClick, className = "plain") {
  const made = element("button", className, label);
  made.type = "button";
  made.dataset.needs = permission;
  made.addEventListener("click", onClick);
  return made;
}

class Card {
  constructor(edge) {
    this.edge = edge;
    this.root = document.getElementById("card").content.cloneNode(true).firstElementChild;
    localise(this.root);
    this.root.dataset.edge = edge;
    this.find("h2").textContent = edge;
    this.form = this.find("form");
    this.draft = null; // edits of the operator, based on the configuration `base`
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.apply(); });
    this.find(".discard").addEventListener("click", () => this.discard());
    this.find(".past").addEventListener("toggle", () => this.showHistory());
    this.find(".actions").append(button(t("add-camera"), "configure", () => this.add()));
    document.getElementById("edges").append(this.root);
  }

  find(selector) { return this.root.querySelector(selector); }

  show(view) {
    const changed = this.view?.desired.id !== view.desired.id;
    this.view = view;
    const { desired, reported } = view;
    const state = element("span", `state ${view.online ? view.state : "offline"}`, view.online ? named("state", view.state) : `${named("state", "offline")}, ${named("state", view.state)}`);
    const origin = desired.epoch
      ? [`${t("epoch-by", { epoch: String(desired.epoch), who: desired.who })}${desired.why ? `: ${desired.why}` : ""} · `, timeElement(desired.at)]
      : [t("from-site-file")];
    this.find(".note").replaceChildren(state, ` ${desired.id.slice(0, 12)} · `, ...origin, desired.signed_by ? ` · ${t("signed-by", { who: desired.signed_by })}` : "");
    const other = reported.id && reported.id !== desired.id;
    const why = view.state === "rejected" ? t("edge-rejected", { reason: view.reason }) : "";
    const idle = other && view.state === "waiting" ? t("edge-still-runs", { id: reported.id.slice(0, 12) }) : "";
    this.find(".refusal").hidden = !(why || idle);
    this.find(".refusal").textContent = why || idle;
    if (!this.draft) this.rows(desired.config);
    this.mark();
    if (changed && this.find(".past").open) this.showHistory();
  }

  rows(config) {
    const text = JSON.stringify(config);
    if (this.shown === text) return;
    this.shown = text;
    this.find("tbody").replaceChildren(...Object.entries(config.cameras).map(([name, camera]) => this.row(name, camera)));
  }

  row(name, camera, fresh = false) {
    const row = element("tr");
    row.dataset.camera = name;
    const title = fresh ? this.input("text", "", { className: "label", pattern: "[a-z0-9-]{1,64}", placeholder: t("camera-id") }) : name;
    if (fresh) title.addEventListener("input", () => { row.dataset.camera = title.value; this.edit(); });
    const places = element("a", "quiet", "zones");
    places.href = `/places?camera=${this.edge}.${name}`;
    places.setAttribute("aria-label", `Zones and rules of ${name}`);
    row.append(element("td", "", title, ...(fresh ? [] : [" ", places])));
    for (const [field, kind, limits] of FIELDS) {
      const input = this.input(kind, camera[field], limits);
      input.name = field;
      input.dataset.needs = ADJUSTABLE.has(field) ? "adjust" : "configure";
      input.setAttribute("aria-label", t("field-of", { field: t(`th-${field === "max_age_ms" ? "max-age" : field === "timeout_s" ? "timeout" : field === "send_raw" ? "raw" : field}`), camera: name || t("new-camera") }));
      input.addEventListener("input", () => this.edit(input));
      const cell = element("td", "", input);
      cell.dataset.field = field;
      if (kind === "range") {
        const shown = element("output", "", Number(camera[field]).toFixed(2));
        input.addEventListener("input", () => { shown.textContent = Number(input.value).toFixed(2); });
        cell.append(shown);
      }
      row.append(cell);
    }
    row.append(element("td", "", button("×", "configure", () => { row.classList.toggle("gone"); this.edit(); }, "quiet")));
    row.lastElementChild.firstElementChild.setAttribute("aria-label", t("remove-camera", { name }));
    return row;
  }

  input(kind, value, limits) {
    const made = Object.assign(document.createElement("input"), { type: kind, ...limits });
    if (limits.placeholder) made.setAttribute("aria-label", limits.placeholder);
    if (kind === "checkbox") made.checked = value;
    else made.value = value ?? "";
    return made;
  }

  add() {
    this.find("tbody").append(this.row("", FRESH, true));
    this.edit();
    this.find("tbody tr:last-child input").focus();
  }

  edit(input) {
    if (!this.draft) this.draft = { base: this.view.desired.id, edits: 0 };
    this.draft.edits += 1;
    input?.classList.add("dirty");
    this.form.hidden = false;
  }

  discard() {
    this.draft = this.shown = null;
    this.form.hidden = true;
    this.form.elements.why.value = "";
    showError("");
    this.show(this.view);
  }

  read() {
    const cameras = {};
    for (const row of this.root.querySelectorAll(".scroll tbody tr[data-camera]:not(.gone)")) {
      const camera = { ...this.view.desired.config.cameras[row.dataset.camera] }; // dials, zones and rules stay
      for (const [field, kind] of FIELDS) {
        const input = row.querySelector(`[name=${field}]`);
        if (kind === "checkbox") camera[field] = input.checked;
        else if (kind === "text") camera[field] = input.value;
        else camera[field] = input.value === "" ? null : Number(input.value);
      }
      cameras[row.dataset.camera] = camera;
    }
    return { ...this.view.desired.config, cameras };
  }

  async apply() {
    const { who, why } = this.form.elements;
    const { draft } = this;
    const { edits } = draft;
    try {
      const body = { config: this.read(), who: who.value, why: why.value };
      const view = await request(`/v1/edges/${this.edge}/config`, "PUT", body, { "If-Match": `"${draft.base}"` });
      this.view = view;
      if (draft.edits === edits) this.discard();
      else draft.base = view.desired.id; // edited meanwhile: that goes on, on top of what was applied
    } catch (error) {
      showError(t("not-configured", { edge: this.edge, reason: error.message }));
    }
  }

  mark() {
    const off = new Map(this.view.differs.map((each) => [each.field, each]));
    for (const row of this.root.querySelectorAll(".scroll tbody tr[data-camera]")) {
      const name = row.dataset.camera;
      row.classList.toggle("off", off.has(`cameras.${name}`));
      row.title = off.has(`cameras.${name}`) ? t("not-run-yet") : "";
      for (const cell of row.querySelectorAll("td[data-field]")) {
        const found = off.get(`cameras.${name}.${cell.dataset.field}`);
        cell.classList.toggle("off", Boolean(found));
        const text = found ? t("runs-value", { value: found.reported === null ? t("own-of-source") : String(found.reported) }) : "";
        const note = cell.querySelector(".runs");
        if (note && note.textContent !== text) note.remove();
        if (text && note?.textContent !== text) cell.append(element("span", "runs", text));
      }
    }
  }

  async showHistory() {
    if (!this.find(".past").open) return;
    const { history } = await request(`/v1/edges/${this.edge}/config/history`);
    const rows = history.map((entry, place) => {
      const row = element("tr");
      row.append(element("td", "", String(entry.epoch)), element("td", "soft", timeElement(entry.at)));
      row.append(element("td", "", element("code", "", entry.id.slice(0, 12))), element("td", "soft", entry.who), element("td", "why", entry.why));
      const back = button(t("roll-back-to"), "configure", () => this.rollBack(entry.id));
      row.append(element("td", "figure", ...(place && entry.id !== history[0].id ? [back] : [])));
      return row;
    });
    this.find(".past tbody").replaceChildren(...rows);
  }

  async rollBack(to) {
    try {
      this.view = await request(`/v1/edges/${this.edge}/config/rollback`, "POST", { to, who: this.form.elements.who.value }, { "If-Match": `"${this.view.desired.id}"` });
      this.discard();
      await this.showHistory();
    } catch (error) {
      showError(t("not-configured", { edge: this.edge, reason: error.message }));
    }
  }
}

let lost = false;

async function loop() {
  try {
    if (!document.hidden) {
      for (const view of (await request("/v1/configs")).edges) {
        if (!cards.has(view.edge)) cards.set(view.edge, new Card(view.edge));
        cards.get(view.edge).show(view);
      }
    }
    if (lost) showError("");
    lost = false;
  } catch (error) {
    lost = true;
    showError(t("no-answer", { reason: error.message }));
  }
  setTimeout(loop, EVERY_MS);
}

loop();
