// The operator's dials beside one large camera: each change goes to the edge's configuration at once.

import { t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const DIALS = { brightness: [-1, 1], local_contrast: [-1, 1], noise: [-1, 1], colour: [0, 2] };

export class DialsPanel {
  #presets;
  #tile = null;
  #queue = Promise.resolve(); // changes are made one after the other: each is based on the one before
  #waiting = 0; // changes in the queue
  #moving = false; // a slider is between its first input and its change

  constructor() {
    this.panel = byId("dials");
    this.fields = this.panel.elements;
    byId("adjust").addEventListener("click", () => this.#toggle());
    byId("dials-close").addEventListener("click", () => this.#toggle(false));
    byId("dials-neutral").addEventListener("click", () => this.#change({ preset: null, strength: 1, ...this.#unset() }));
    this.panel.addEventListener("submit", (event) => event.preventDefault());
    this.panel.addEventListener("input", ({ target }) => {
      this.#moving = true;
      this.#tell(target);
    });
    this.panel.addEventListener("change", ({ target }) => {
      this.#moving = false;
      if (target.name === "preset") this.#change({ preset: target.value || null, ...this.#unset() });
      else this.#change({ [target.name]: Number(target.value) });
    });
  }

  // The large camera, or null on the wall.
  show(tile) {
    byId("adjust").dataset.single = String(Boolean(tile));
    if (tile?.id === this.#tile?.id) return;
    this.#tile = tile;
    if (!tile) this.#toggle(false);
    else if (!this.panel.hidden) this.#read();
  }

  #toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    byId("adjust").setAttribute("aria-expanded", String(open));
    if (open) this.#read().then(() => this.fields.preset.focus());
  }

  #unset() {
    return Object.fromEntries(Object.keys(DIALS).map((name) => [name, null]));
  }

  get #address() {
    const [edge, camera] = this.#tile.id.split(".");
    return { edge, camera, path: `/v1/edges/${edge}/config` };
  }

  async #read() {
    try {
      this.#presets ??= await this.#readPresets();
      const { camera, path } = this.#address;
      this.#fill((await request(path)).desired.config.cameras[camera]);
      showError("");
    } catch (error) {
      showError(error.message);
    }
  }

  async #readPresets() {
    const found = await request("/v1/dials");
    const choices = Object.keys(found.presets).map((name) => new Option(name, name));
    this.fields.preset.replaceChildren(new Option(t("dials-no-preset"), ""), ...choices);
    return found;
  }

  #fill(camera) {
    const base = this.#presets.presets[camera.preset] ?? this.#presets.neutral;
    this.fields.preset.value = camera.preset ?? "";
    this.fields.strength.value = camera.strength ?? 1;
    for (const name of Object.keys(DIALS)) this.fields[name].value = camera[name] ?? base[name];
    for (const name of ["strength", ...Object.keys(DIALS)]) this.#tell(this.fields[name]);
  }

  #tell(field) {
    const output = this.panel.querySelector(`output[for="dial-${field.name}"]`);
    if (output) output.textContent = Number(field.value).toFixed(2);
  }

  #change(dials) {
    const { camera, path } = this.#address;
    this.#waiting += 1;
    this.#queue = this.#queue.then(() => this.#put(path, camera, dials));
  }

  async #put(path, camera, dials) {
    try {
      this.#waiting -= 1;
      const { desired } = await request(path);
      const config = structuredClone(desired.config);
      for (const [name, value] of Object.entries(dials)) {
        if (value === null) delete config.cameras[camera][name];
        else config.cameras[camera][name] = value;
      }
      const view = await request(path, "PUT", { config, why: t("dials-why") }, { "If-Match": `"${desired.id}"` });
      const shown = this.#tile && this.#address.camera === camera && this.#address.path === path;
      if (shown && !this.#moving && !this.#waiting) this.#fill(view.desired.config.cameras[camera]); // else a hand would be moved
      showError("");
    } catch (error) {
      showError(error.message);
      await this.#read();
    }
  }
}

// One row of the panel; the panel's HTML is made here, so that every dial has the same parts.
export function makeDials() {
  for (const [name, [least, most]] of Object.entries({ strength: [0, 1], ...DIALS })) {
    const label = element("label", "", t(`dial-${name.replace("_", "-")}`));
    const slider = element("input");
    Object.assign(slider, { type: "range", id: `dial-${name}`, name, min: least, max: most, step: 0.05 });
    const output = element("output");
    output.htmlFor = slider.id;
    label.htmlFor = slider.id;
    byId("dials-list").append(element("div", "dial", label, slider, output));
  }
}
