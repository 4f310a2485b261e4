// The menu of the view: columns, pages, tour, groups, and layouts that the server keeps.

import { t } from "/web/words.js";
import { byId, element, request, showError } from "/static/page.js";

const FIELDS = ["columns", "per_page", "tour_s", "group"];

export class View {
  constructor(wall) {
    this.wall = wall;
    for (const name of FIELDS) {
      byId(name).addEventListener("change", () => {
        wall.page = 0;
        wall.set({ [name]: byId(name).value });
      });
    }
    byId("page-before").addEventListener("click", () => wall.turn(-1));
    byId("page-after").addEventListener("click", () => wall.turn(1));
    byId("layouts").addEventListener("change", () => this.#load(byId("layouts").value));
    byId("save-layout").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(byId("layout-name").value, event.submitter.value);
    });
    byId("delete-layout").addEventListener("click", () => this.#delete());
    byId("view").addEventListener("toggle", () => byId("view").open && this.#list());
    document.addEventListener("click", ({ target }) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
    });
  }

  show() {
    const { layout, pages, page } = this.wall;
    for (const name of FIELDS) byId(name).value = String(layout[name]);
    for (const choice of document.querySelectorAll("input[name=mode]")) choice.checked = choice.value === layout.mode;
    byId("pages").hidden = pages < 2 || Boolean(this.wall.single);
    byId("page-text").textContent = t("page-of", { page: page + 1, pages });
  }

  async #list(chosen = "") {
    try {
      const { layouts } = await request("/v1/layouts");
      byId("layouts").replaceChildren(new Option(t("layouts-choose"), ""), ...layouts.map(({ name }) => new Option(name, name)));
      byId("layouts").value = chosen;
      byId("delete-layout").disabled = !chosen;
    } catch (error) {
      showError(error.message);
    }
  }

  async #load(name) {
    byId("delete-layout").disabled = !name;
    if (!name) return;
    try {
      this.wall.page = 0;
      this.wall.set((await request(`/v1/layouts/${encodeURIComponent(name)}`)).layout);
      byId("layout-name").value = name;
    } catch (error) {
      showError(error.message);
    }
  }

  // where: "layouts" of this user, or "walls" of the site.
  async #save(name, where) {
    try {
      await request(`/v1/${where}/${encodeURIComponent(name)}`, "PUT", { layout: this.wall.layout });
      showError("");
      if (where === "layouts") await this.#list(name);
      else await this.#link(name);
    } catch (error) {
      showError(error.message);
    }
  }

  async #delete() {
    const name = byId("layouts").value;
    try {
      await request(`/v1/layouts/${encodeURIComponent(name)}`, "DELETE");
      await this.#list();
    } catch (error) {
      showError(error.message);
    }
  }

  // A screen signs in by a link with a token of its own, shown this once.
  async #link(name) {
    const { path } = await request(`/v1/walls/${encodeURIComponent(name)}/link`, "POST", {});
    const address = new URL(path, location.origin).href;
    const link = element("a", "", address);
    link.href = address;
    byId("wall-link").replaceChildren(link);
    byId("wall-made").showModal();
  }
}
