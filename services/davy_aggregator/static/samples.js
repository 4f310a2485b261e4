// Raw keyframes chosen by the edges: operators exclude wrong ones, and pin others to the validation set.

import { dateTime, timeElement } from "/web/time.js";
import { named, t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const PAGE = 60;
const EVERY_MS = 3000;
const USES = ["train", "validation", "excluded"];

const filters = ["camera", "reason", "use"];
let shown = []; // samples, newest first
let cursor = null;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (share) => (share === undefined ? "?" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);

function path(from = null) {
  const query = new URLSearchParams({ limit: PAGE });
  for (const name of filters) if (byId(name).value) query.set(name, byId(name).value);
  if (from) query.set("cursor", from);
  return `/v1/samples?${query}`;
}

function sampleCard(sample) {
  const item = element("li", "shot");
  item.dataset.id = sample.id;
  const picture = element("img");
  picture.loading = "lazy";
  picture.alt = `${sample.camera}, ${named("reason", sample.reason)}, ${dateTime(sample.captured_at)}`;
  picture.src = sample.picture;
  const link = element("a", "", picture);
  link.href = sample.picture;
  link.target = "_blank";
  const of = (name) => percent(sample.figures[name]);
  const enhanced = sample.model ? t("sample-enhanced", { dark: of("shown-dark"), clipped: of("shown-clipped") }) : "";
  const facts = element("div", "facts",
    element("p", "head", element("b", "", sample.camera), element("span", "tag-chip", named("reason", sample.reason))),
    element("p", "", timeElement(sample.captured_at), ` · ${sample.width}×${sample.height}`),
    element("p", "", [t("sample-raw", { dark: of("raw-dark"), clipped: of("raw-clipped") }), enhanced].filter(Boolean).join("; ")),
    element("p", "", sample.model || t("not-enhanced")));
  const uses = element("div", "uses");
  uses.dataset.needs = "curate";
  uses.setAttribute("role", "group");
  uses.setAttribute("aria-label", t("use-of", { sample: String(sample.id) }));
  for (const use of USES) {
    const button = element("button", "", t(`use-as-${use}`));
    button.type = "button";
    button.dataset.use = use;
    button.addEventListener("click", () => assign(sample, use));
    uses.append(button);
  }
  item.append(link, facts, uses);
  mark(item, sample.use);
  return item;
}

function mark(item, use) {
  item.dataset.use = use;
  for (const button of item.querySelectorAll(".uses button")) button.setAttribute("aria-pressed", String(button.dataset.use === use));
}

async function assign(sample, use) {
  try {
    const answer = await request(`/v1/samples/${sample.id}/use`, "PUT", { use });
    Object.assign(sample, answer);
    const item = document.querySelector(`.shot[data-id="${sample.id}"]`);
    if (item) mark(item, answer.use);
    showError("");
    await refresh();
  } catch (error) {
    showError(error.message);
  }
}

function showStore(found) {
  const total = (use, key) => found.tally.filter((each) => !use || each.use === use).reduce((sum, each) => sum + each[key], 0);
  byId("note").textContent = t("samples-store", {
    count: String(total("", "count")), most: String(found.max_count), size: megabytes(total("", "size")), bytes: megabytes(found.max_bytes),
    train: String(total("train", "count")), validation: String(total("validation", "count")), excluded: String(total("excluded", "count")),
  });
  const cameras = [...new Set(found.tally.map((each) => each.camera))].sort();
  const select = byId("camera");
  if ([...select.options].slice(1).map((option) => option.value).join() === cameras.join()) return;
  const chosen = select.value;
  select.replaceChildren(new Option(t("all"), ""), ...cameras.map((camera) => new Option(camera, camera)));
  select.value = cameras.includes(chosen) ? chosen : "";
}

function showSamples(samples) {
  const items = new Map([...byId("shots").children].map((item) => [Number(item.dataset.id), item]));
  shown = samples;
  byId("shots").replaceChildren(...samples.map((sample) => {
    const item = items.get(sample.id);
    if (item) mark(item, sample.use);
    return item ?? sampleCard(sample);
  }));
  byId("nothing").hidden = samples.length > 0;
  byId("more").hidden = !cursor;
}

function showDrift(cameras) {
  const drifted = cameras.filter(({ state }) => state === "drifted");
  byId("drift-note").textContent = drifted.length
    ? t("drifted", { cameras: drifted.map(({ camera }) => camera).join(", ") })
    : t("drift-none", { known: String(cameras.filter(({ state }) => state === "fits").length), all: String(cameras.length) });
  byId("drift").replaceChildren(...cameras.map(({ camera, model, state, score, reasons }) => {
    const row = element("tr");
    const made = Object.entries(reasons).sort((a, b) => b[1] - a[1]).filter(([, value]) => value >= 0.05);
    row.append(element("td", "", camera), element("td", "soft", model), element("td", "", element("span", `state ${state}`, named("drift", state))));
    row.append(element("td", "figure", score === null ? "" : score.toFixed(2)));
    row.append(element("td", "soft", made.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ")));
    return row;
  }));
}

async function refresh() {
  const [found, drift] = await Promise.all([request(path()), request("/v1/drift")]);
  showStore(found);
  showDrift(drift.cameras);
  const older = found.cursor ? shown.filter((sample) => sample.id < Number(found.cursor)) : [];
  if (!older.length) cursor = found.cursor;
  showSamples([...found.samples, ...older]);
}

async function more() {
  const found = await request(path(cursor));
  cursor = found.cursor;
  showSamples([...shown, ...found.samples]);
}

async function guarded(action) {
  try {
    await action();
    showError("");
  } catch (error) {
    showError(t("no-answer", { reason: error.message }));
  }
}

for (const name of filters) {
  byId(name).addEventListener("change", () => {
    shown = [];
    cursor = null;
    guarded(refresh);
  });
}
byId("more").addEventListener("click", () => guarded(more));

async function loop() {
  if (!document.hidden) await guarded(refresh);
  setTimeout(loop, EVERY_MS);
}

loop();
