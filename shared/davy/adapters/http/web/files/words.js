// Words of the pages, by Fluent catalogues: the cookie davy_language, else the browser's preference, else English.
//
// HTML names a message in data-t: its value becomes the text, its attributes (.title, .aria-label, ...) those of the element.

import { FluentBundle, FluentResource } from "/web/vendor/fluent/index.js";

export const LANGUAGES = { en: "English", es: "Español", pl: "Polski", ru: "Русский", zh: "简体中文" };
const COOKIE = "davy_language"; // cookies know no ports: the pages of all services of a host share it
const YEAR_S = 365 * 86_400;
const TAGS = { zh: "zh-Hans" };

export function storedLanguage() {
  return document.cookie.split("; ").find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? "";
}

export function storeLanguage(name) {
  document.cookie = `${COOKIE}=${name}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

function choose() {
  const wanted = [storedLanguage(), ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find((each) => each in LANGUAGES) ?? "en";
}

export const language = choose();
export const tag = TAGS[language] ?? language;

let english = { bundle: null, messages: [] };

async function load(name) {
  const bundle = new FluentBundle(TAGS[name] ?? name, { useIsolating: false });
  const response = await fetch(`/web/locales/${name}.ftl`).catch(() => null);
  if (response?.ok) {
    const resource = new FluentResource(await response.text());
    bundle.addResource(resource);
    if (name === "en") english = { bundle, messages: resource.body };
  }
  return bundle;
}

// English stands in where a catalogue of another version lacks a message.
const bundles = await Promise.all([...new Set([language, "en"])].map(load));

function find(key) {
  for (const bundle of bundles) {
    const message = bundle.getMessage(key);
    if (message) return [bundle, message];
  }
  return [null, null];
}

export function t(key, values = {}) {
  const [bundle, message] = find(key);
  return message?.value ? bundle.formatPattern(message.value, values) : key;
}

// A message whose key is made from a value of the server, such as a state: one that has no message is shown as it is.
export function named(prefix, value) {
  const key = `${prefix}-${String(value).replaceAll("_", "-")}`;
  const [, message] = find(key);
  return message ? t(key) : value;
}

// The server writes English. What it says by a rule of its own, such as the title of a kind of alarm, has a message with the
// same English text; a text that the site has set itself stays as it is.
export function translated(prefix, value, text) {
  for (const key of [`${prefix}-${value}`, `${prefix}-other`]) {
    const message = english.bundle?.getMessage(key);
    if (message?.value && english.bundle.formatPattern(message.value) === text) return t(key);
  }
  return text;
}

// A sentence of the server about one moment: the English messages said-... have its form, their variables its arguments.
export function said(text) {
  if (language === "en" || !text) return text;
  for (const { key, form } of sayings) {
    const found = form.exec(text);
    if (found) return t(key, { ...found.groups });
  }
  return text;
}

const sayings = english.messages.filter(({ id }) => id.startsWith("said-")).map(saying).sort((one, other) => other.literals - one.literals);

function saying({ id, value }) {
  const parts = typeof value === "string" ? [value] : value;
  const texts = parts.filter((part) => typeof part === "string");
  const form = parts.map((part) => (typeof part === "string" ? part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : `(?<${part.name}>.+?)`)).join("");
  return { key: id, form: new RegExp(`^${form}$`), literals: texts.join("").length };
}

// A kind of event or alarm in words.
export function kindName(kind) {
  const known = [named("kind", kind), named("alarm-title", kind)].find((name) => name !== kind);
  if (known) return known;
  return kind.endsWith("-over") ? t("kind-over", { kind: kindName(kind.slice(0, -5)) }) : kind.replaceAll("-", " ");
}

export function localise(root) {
  for (const node of root.querySelectorAll("[data-t]")) {
    const [bundle, message] = find(node.dataset.t);
    if (!message) continue;
    if (message.value) node.textContent = bundle.formatPattern(message.value);
    for (const [name, pattern] of Object.entries(message.attributes)) node.setAttribute(name, bundle.formatPattern(pattern));
  }
  for (const template of root.querySelectorAll("template")) localise(template.content);
}

export function chooseLanguage(name) {
  storeLanguage(name);
  location.reload();
}

document.documentElement.lang = tag;
localise(document);
