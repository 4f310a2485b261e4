// A form that filters, and a list that continues at the end of a page. The filter is in the address, so that it can be sent.

import { setZone, toUtc } from "/web/time.js";
import { byId, request, showError } from "/static/page.js";

const TIMES = ["since", "until"];

// names: of the form's fields; path: what is asked; show(page, isMore): draws; extra(): further parameters.
export class Search {
  #cursor = null;

  constructor({ path, names, show, extra = () => [] }) {
    Object.assign(this, { path, names, show, extra });
    this.#fromAddress();
    byId("filter").addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    byId("filter").addEventListener("reset", () => setTimeout(() => this.run()));
    byId("older").addEventListener("click", () => this.run(true));
  }

  get parameters() {
    const found = new URLSearchParams();
    for (const name of this.names) {
      const value = byId(name).value.trim();
      if (value) found.set(name, TIMES.includes(name) ? toUtc(value) : value);
    }
    for (const [name, value] of this.extra()) found.append(name, value);
    return found;
  }

  async run(isMore = false) {
    const parameters = this.parameters;
    this.#toAddress();
    parameters.set("limit", "100");
    if (isMore && this.#cursor) parameters.set("cursor", this.#cursor);
    try {
      const page = await request(`${this.path}?${parameters}`);
      this.#cursor = page.cursor;
      byId("older").hidden = !page.cursor;
      this.show(page, isMore);
      showError("");
    } catch (error) {
      showError(error.message);
    }
  }

  #fromAddress() {
    const asked = new URLSearchParams(location.search);
    for (const name of this.names) if (asked.has(name)) byId(name).value = asked.get(name);
    for (const box of document.querySelectorAll("#filter input[type=checkbox]")) box.checked = asked.has(box.id);
  }

  #toAddress() {
    const asked = new URLSearchParams();
    for (const name of this.names) if (byId(name).value && byId(name).value !== "info") asked.set(name, byId(name).value);
    for (const box of document.querySelectorAll("#filter input[type=checkbox]:checked")) asked.set(box.id, "1");
    history.replaceState(null, "", `${location.pathname}${asked.size ? `?${asked}` : ""}`);
  }
}

// The site's time zone, which fields and times of the page are in.
export async function readZone() {
  const site = await request("/v1/site").catch(() => null);
  if (site?.time_zone) setZone(site.time_zone);
}
