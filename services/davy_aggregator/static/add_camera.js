// Add a camera: an edge searches its networks or asks one camera, takes a test picture, and gets the camera in its configuration.
// A password is in its field, in the request that needs it, and in the configuration; the page gets none back.

import { t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const POLL_MS = 500, LIVE_MS = 1000, LIVE_TRIES = 60;
const SECURE = /^(rtsps|https):/i;

let found = []; // cameras of the last search
let added = {}; // cameras of the edge
let chosen = null; // the one of them that is read, or null
let live = 0; // the timer of the new camera's picture

const edge = () => byId("edge").value;
const text = (id) => byId(id).value.trim();

function refuse(id, message) {
  byId(id).hidden = !message;
  byId(id).textContent = message;
}

// Run a task with its progress shown; the button that started it cannot start a second one.
async function during(form, progress, refusal, work) {
  const buttons = [...form.querySelectorAll("button")];
  for (const each of buttons) each.disabled = true;
  byId(progress).hidden = false;
  if (refusal) refuse(refusal, "");
  showError("");
  try {
    await work();
  } catch (error) {
    if (refusal) refuse(refusal, error.message);
    else showError(error.message);
  } finally {
    byId(progress).hidden = true;
    for (const each of buttons) each.disabled = false;
  }
}

function task(name, body) {
  return request(`/v1/edges/${edge()}/${name}`, "POST", body);
}

async function search(event) {
  event.preventDefault();
  await during(byId("search"), "searching", "", async () => {
    byId("search-note").textContent = t("add-searching-note");
    found = [];
    choose(null);
    try {
      const [host, port] = text("host").split(":");
      found = (await task("camera-search", host ? { host, port: Number(port ?? 0) } : {})).cameras;
      added = (await request(`/v1/edges/${edge()}/config`)).desired.config.cameras;
      byId("search-note").textContent = t("add-found", { count: found.length });
    } catch (error) {
      byId("search-note").textContent = "";
      throw error;
    } finally {
      show();
    }
  });
}

function show() {
  byId("found").replaceChildren(...found.map(row));
}

// The camera of the edge that has this address already. An address is shown with *** in place of a login.
function known({ address }) {
  return Object.keys(added).find((name) => added[name].source.replace(/^[a-z]+:\/\/(?:[^/]*@)?/i, "").split(/[:/]/)[0] === address);
}

function row(camera) {
  const about = [camera.manufacturer, camera.model].filter(Boolean).join(" ");
  const facts = camera.login_needed ? t("add-login-needed") : camera.reason || camera.profiles.map(described).join(" · ");
  const pick = element("button", "plain", t("add-do-choose"));
  pick.type = "button";
  pick.setAttribute("aria-label", t("add-choose", { name: camera.name || camera.address }));
  pick.addEventListener("click", () => { choose(camera); byId(camera.login_needed ? "user" : "source").focus(); });
  const own = known(camera);
  const parts = [camera.address, camera.name ? about : "", facts, own ? t("add-known", { name: own }) : ""].filter(Boolean).map((each) => element("span", "", each));
  const made = element("li", camera === chosen ? "chosen" : "", element("b", "", camera.name || about || camera.address), ...parts, pick);
  if (camera === chosen) made.setAttribute("aria-current", "true");
  return made;
}

function described({ name, codec, width, height, fps }) {
  return [name, width ? `${width}×${height}` : "", codec, fps ? t("add-fps", { fps }) : ""].filter(Boolean).join(" ");
}

function choose(camera) {
  chosen = camera;
  const profiles = (camera?.profiles ?? []).filter((each) => each.source);
  byId("read").hidden = !camera?.login_needed;
  byId("profile-field").hidden = !profiles.length;
  byId("profile").replaceChildren(...profiles.map((each, index) => new Option(described(each), index)));
  if (profiles.length) take(profiles[0]);
  if (camera) suggest(camera);
  show();
}

function take(profile) {
  byId("source").value = profile.source;
  changed();
}

function suggest(camera) {
  const name = camera.name || camera.model;
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
  if (!text("label")) byId("label").value = name;
  if (!text("camera")) byId("camera").value = slug;
}

// Another source: what was seen of the previous one is no longer true.
function changed() {
  byId("tls-field").hidden = !SECURE.test(text("source"));
  byId("pictures").hidden = true;
  byId("test-note").textContent = "";
  refuse("test-refusal", "");
}

async function read() {
  await during(byId("test"), "testing", "test-refusal", async () => {
    const { address: host, port, secure } = chosen;
    const body = { host, port, secure, user: byId("user").value, password: byId("password").value };
    const [answer] = (await task("camera-search", body)).cameras;
    const camera = { ...answer, name: chosen.name };
    found = found.map((each) => (each === chosen ? camera : each));
    choose(camera);
    if (!camera.profiles.length) throw new Error(camera.reason);
    byId("profile").focus();
  });
}

// The source with user and password as an edge opens it.
function source() {
  const user = byId("user").value;
  if (!user) return text("source");
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(byId("password").value)}@`;
  return text("source").replace(/^([a-z]+:\/\/)(?:[^/?#]*@)?/i, (_, scheme) => scheme + login);
}

function settings() {
  return SECURE.test(text("source")) ? { source: source(), tls: text("tls") } : { source: source() };
}

async function test(event) {
  event.preventDefault();
  changed();
  await during(byId("test"), "testing", "test-refusal", async () => {
    const seen = await task("source-test", settings());
    byId("raw").src = `data:image/jpeg;base64,${seen.raw}`;
    byId("enhanced").src = seen.enhanced ? `data:image/jpeg;base64,${seen.enhanced}` : "";
    byId("enhanced-figure").hidden = !seen.enhanced;
    byId("pictures").hidden = false;
    byId("test-note").textContent = t("add-tested", { width: seen.width, height: seen.height, fps: seen.fps });
  });
}

async function add(event) {
  event.preventDefault();
  if (!byId("test").reportValidity()) return;
  const [where, name] = [edge(), text("camera")];
  refuse("add-refusal", "");
  try {
    const { desired } = await request(`/v1/edges/${where}/config`);
    if (name in desired.config.cameras) throw new Error(t("add-taken", { name }));
    const camera = { ...settings(), label: text("label") };
    const config = { ...desired.config, cameras: { ...desired.config.cameras, [name]: camera } };
    await request(`/v1/edges/${where}/config`, "PUT", { config, why: text("why") }, { "If-Match": `"${desired.id}"` });
    byId("password").value = "";
    await follow(where, name);
  } catch (error) {
    byId("add-note").textContent = "";
    refuse("add-refusal", error.message);
  }
}

async function follow(where, name) {
  byId("add-note").textContent = t("add-applying", { name });
  for (;;) {
    const view = await request(`/v1/edges/${where}/config`);
    if (view.state === "rejected") throw new Error(view.reason);
    if (view.state === "applied") break;
    if (!view.online) byId("add-note").textContent = t("add-offline", { name });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  byId("add-note").textContent = t("add-added", { name });
  watch(`${where}.${name}`);
}

// The first picture comes once the edge has opened the camera.
function watch(camera) {
  clearInterval(live);
  const picture = byId("live-picture");
  let tries = LIVE_TRIES;
  picture.onload = () => { byId("live").hidden = false; tries = Infinity; };
  byId("live-link").href = `/?camera=${camera}`;
  const next = () => {
    if (tries-- <= 0) { clearInterval(live); return; }
    if (!document.hidden) picture.src = `/v1/cameras/${camera}/latest.jpg?at=${Date.now()}`;
  };
  live = setInterval(next, LIVE_MS);
  next();
}

async function start() {
  const { edges } = await request("/v1/configs");
  const wanted = new URLSearchParams(location.search).get("edge");
  byId("edge").append(...edges.map((each) => new Option(each.edge, each.edge, false, each.edge === wanted)));
  byId("edge").addEventListener("change", () => { found = []; choose(null); changed(); byId("search-note").textContent = ""; });
  byId("search").addEventListener("submit", search);
  byId("profile").addEventListener("change", () => take(chosen.profiles.filter((each) => each.source)[byId("profile").value]));
  byId("read").addEventListener("click", read);
  byId("source").addEventListener("input", changed);
  byId("test").addEventListener("submit", test);
  byId("add").addEventListener("submit", add);
}

start().catch((error) => showError(error.message));
