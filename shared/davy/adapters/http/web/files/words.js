// Words of the pages, by Fluent catalogues: the cookie davy_language, else the browser's preference, else English.
//
// HTML names a message in data-t: its value becomes the text, its attributes (.title, .aria-label, ...) those of the element.

import { FluentBundle, FluentResource } from "/web/vendor/fluent/index.js";

export const LANGUAGES = { en: "English", es: "Español", pl: "Polski", ru: "Русский", zh: "简体中文" };
const COOKIE = "davy_language"; // cookies know no ports: the pages of all services of a host share it
const YEAR_S = 365 * 86_400;
const TAGS = { zh: "zh-Hans" };

function choose() {
  const stored = document.cookie.split("; ").find((each) => each.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  const wanted = [stored ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find((each) => each in LANGUAGES) ?? "en";
}

export const language = choose();
export const tag = TAGS[language] ?? language;

async function load(name) {
  const bundle = new FluentBundle(TAGS[name] ?? name, { useIsolating: false });
  const response = await fetch(`/web/locales/${name}.ftl`).catch(() => null);
  if (response?.ok) bundle.addResource(new FluentResource(await response.text()));
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
  document.cookie = `${COOKIE}=${name}; path=/; max-age=${YEAR_S}; samesite=lax`;
  location.reload();
}

document.documentElement.lang = tag;
localise(document);
