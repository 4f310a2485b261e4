// How a wall is laid out: from the address, else as this browser left it; saved on the server by name.

export const DEFAULTS = { columns: 0, per_page: 0, tour_s: 0, group: "none", order: [], mode: "enhanced", fps: 0 };
export const GROUPS = ["none", "edge", "district"];
export const MODES = ["enhanced", "split", "raw"];

const MODE = "davy-mode";
const MOST = { columns: 16, per_page: 256, tour_s: 3600, fps: 60 };

function number(value, name) {
  const found = Number(value);
  return Number.isFinite(found) ? Math.min(MOST[name], Math.max(0, Math.round(found))) : DEFAULTS[name];
}

// A layout with every field, each of a legal value: the address and a saved layout may hold anything.
export function complete(found) {
  const layout = { ...DEFAULTS };
  for (const name of Object.keys(MOST)) if (name in found) layout[name] = number(found[name], name);
  if (GROUPS.includes(found.group)) layout.group = found.group;
  if (MODES.includes(found.mode)) layout.mode = found.mode;
  if (Array.isArray(found.order)) layout.order = found.order.filter((id) => typeof id === "string");
  return layout;
}

export function fromAddress() {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const order = query.order ? query.order.split(",") : [];
  return complete({ mode: localStorage.getItem(MODE) ?? DEFAULTS.mode, ...query, order });
}

// Keep the address in step, so that it can be sent and reloaded.
export function toAddress(layout, single) {
  const query = new URLSearchParams(location.search);
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const value = Array.isArray(layout[name]) ? layout[name].join(",") : String(layout[name]);
    if (value === String(standard) || name === "mode") query.delete(name);
    else query.set(name, value);
  }
  if (single) query.set("camera", single);
  else query.delete("camera");
  const text = query.toString().replaceAll("%2C", ",");
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

export function rememberMode(mode) {
  localStorage.setItem(MODE, mode);
  document.dispatchEvent(new Event("davy:preferences"));
}
