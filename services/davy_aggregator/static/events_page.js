// Events: searched on the server, with pictures, and exported.

import { dateTime, timeElement } from "/web/time.js";
import { kindName, named, said, t } from "/web/words.js";
import { byId, element, readCameras, request, showError } from "/static/page.js";
import { readZone, Search } from "/static/search.js";

const NAMES = ["camera", "kind", "severity", "since", "until", "text"];
const KINDS = ["motion", "person", "lens-blocked", "lens-dirty", "dark", "illumination-change", "camera-offline", "camera-stalled", "edge-offline", "drift", "person-in-zone"];
const MOTION = ["motion", "motion-over"]; // no operator's events by themselves

const labels = new Map();
const search = new Search({ path: "/v1/events", names: NAMES, show, extra: hidden });

function hidden() {
  const isAsked = byId("motion").checked || MOTION.includes(byId("kind").value);
  return isAsked ? [] : MOTION.map((kind) => ["exclude", kind]);
}

function show({ events }, isMore) {
  const rows = events.map(row);
  if (isMore) byId("list").append(...rows);
  else byId("list").replaceChildren(...rows);
  byId("nothing").hidden = byId("list").children.length > 0;
  byId("found").textContent = t("events-shown", { count: byId("list").children.length });
  for (const form of ["csv", "json"]) byId(form).href = `/v1/events/export.${form}?${search.parameters}`;
}

function row(event) {
  const where = labels.get(event.camera) ?? (event.camera || (event.edge === "aggregator" ? "" : event.edge));
  const made = element("li", `found ${event.severity}`);
  const words = element("div", "words",
    element("p", "about", element("span", "severity", named("severity", event.severity)), element("b", "", kindName(event.kind)), where ? ` · ${where}` : ""),
    element("p", "", said(event.message)));
  made.append(timeElement(event.occurred_at), words);
  if (event.camera) made.append(toCamera(event), toRecording(event));
  if (event.keyframe) made.append(thumbnail(event, where));
  return made;
}

// The camera's live picture; `at` names the moment for what is recorded.
function address(event) {
  return `/?${new URLSearchParams({ camera: event.camera, at: event.occurred_at })}`;
}

function toRecording(event) {
  const made = element("a", "plain", t("to-recording"));
  made.href = `/timeline?${new URLSearchParams({ camera: event.camera, at: event.occurred_at, length: 600 })}`;
  return made;
}

function toCamera(event) {
  const made = element("a", "plain", t("to-camera"));
  made.href = address(event);
  return made;
}

function thumbnail(event, where) {
  const button = element("button", "thumbnail");
  button.type = "button";
  button.setAttribute("aria-label", t("keyframe-of", { message: said(event.message) }));
  const picture = element("img");
  picture.loading = "lazy";
  picture.alt = "";
  picture.src = `${event.keyframe}?marked=true`;
  picture.addEventListener("error", () => button.remove()); // the keyframe was evicted
  button.append(picture);
  button.addEventListener("click", () => {
    byId("keyframe-picture").src = picture.src;
    byId("keyframe-picture").alt = said(event.message);
    byId("keyframe-text").textContent = [said(event.message), where, dateTime(event.occurred_at)].filter(Boolean).join(" · ");
    byId("to-camera").hidden = !event.camera;
    byId("to-camera").href = address(event);
    byId("keyframe").showModal();
  });
  return button;
}

async function listCameras() {
  try {
    const cameras = await readCameras();
    const wanted = new URLSearchParams(location.search).get("camera");
    for (const { id, label } of cameras) {
      labels.set(id, label);
      byId("camera").append(new Option(label === id ? id : `${label} (${id})`, id, false, id === wanted));
    }
  } catch (error) {
    showError(error.message);
  }
}

byId("kinds").append(...KINDS.map((kind) => new Option(kind)));
byId("keyframe").addEventListener("click", (event) => event.target === byId("keyframe") && byId("keyframe").close());
await Promise.all([readZone(), listCameras()]);
search.run();
