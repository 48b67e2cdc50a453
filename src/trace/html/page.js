// The page of `penumbra trace --html`, first of its scripts: data, words and numbers, theme, head. All that
// it shows is in the JSON block before. Text goes in as text nodes or onto a canvas: nothing of a trace is
// ever parsed as markup. The scripts are put together into one, in the order of cmake/page.cmake.
"use strict";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);

addEventListener("error", (e) => { root.dataset.error = e.message; });
document.addEventListener("securitypolicyviolation", (e) => { root.dataset.violation = e.violatedDirective; });

const data = JSON.parse(byId("data").textContent);
const sum = data.summary, map = data.map, types = data.types;

// --- Words and numbers ---

const kinds = [
  ["missing", "guest fault, not present"],
  ["write", "guest fault, write (copy-on-write)"],
  ["other", "guest fault, other"],
  ["hidden", "hidden fault"],
  ["foreseen", "foreseen"],
  ["flush", "flush of a page"],
  ["table", "table write (GPA)"],
  ["second", "second dimension (GPA)"],
].filter(([k]) => data.cells[k]);
const kindWords = Object.fromEntries(kinds);
const typeColour = {
  "guest-fault": "--missing", "hidden-fault": "--hidden", "foreseen": "--foreseen", "flush": "--flush",
  "table-write": "--table", "second-fault": "--second", "cr3": "--cr3", "drop": "--lost",
};
const colourOf = (type) => typeColour[type] || "--quiet";

const group = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
const digits = (x, n) => {
  const fixed = x.toFixed(n);
  const [whole, part] = fixed.split(".");
  return group(whole) + (part ? "." + part : "");
};
function span(ns) { // a length of time, in the unit that fits
  if (ns < 1e3) return digits(ns, 0) + " ns";
  if (ns < 1e6) return digits(ns / 1e3, ns < 1e4 ? 2 : 1) + " \u00b5s";
  if (ns < 1e9) return digits(ns / 1e6, ns < 1e7 ? 2 : 1) + " ms";
  return digits(ns / 1e9, 2) + " s";
}
const us = (ns) => digits(ns / 1e3, 2);
const ms = (ns) => digits(ns / 1e6, 3);
function bytes(pages) {
  const kib = pages * 4;
  if (kib < 1024) return kib + " KiB";
  if (kib < 1048576) return +(kib / 1024).toFixed(1) + " MiB";
  if (kib < 1073741824) return +(kib / 1048576).toFixed(1) + " GiB";
  return +(kib / 1073741824).toPrecision(3) + " TiB";
}
const pageOf = (address) => BigInt(address) >> 12n;
const hex = (big) => "0x" + big.toString(16);

function el(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {}))
    if (k === "class") e.className = v;
    else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}
function svg(name, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}
function dot(colour) {
  const i = el("i", {class: "dot"});
  i.style.background = "var(" + colour + ")";
  return i;
}

// --- What the address line asks for: #sort=cost&theme=dark&from=0&to=1000000&hide=hidden,flush ---

const asked = new URLSearchParams(location.hash.slice(1));
function ask(name, value) {
  if (value === null) asked.delete(name); else asked.set(name, value);
  try { history.replaceState(null, "", "#" + asked); } catch (e) { /* a page in a frame: no matter */ }
}

// --- Light and dark ---

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const themes = ["system", "light", "dark"];
let theme = themes.includes(asked.get("theme")) ? asked.get("theme") : "system";
let printing = false;
let drawn = false;

function applyTheme() {
  const dark = !printing && (theme === "dark" || (theme === "system" && systemDark.matches));
  root.dataset.theme = dark ? "dark" : "light";
  byId("theme").textContent = {system: "as the system", light: "light", dark: "dark"}[theme];
  if (drawn) draw();
}
byId("theme").addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % 3];
  ask("theme", theme === "system" ? null : theme);
  applyTheme();
});
systemDark.addEventListener("change", applyTheme);
addEventListener("beforeprint", () => { printing = true; applyTheme(); });
addEventListener("afterprint", () => { printing = false; applyTheme(); });

// --- Head ---

byId("guest").textContent = (sum.guest + " " + sum.arguments).trim();
const when = new Date(sum.start_wall_ns / 1e6);
const facts = [
  ["", sum.host],
  [group(sum.events), " events"],
  ["", span(sum.length_ns)],
  ["", sum.vcpus + (sum.vcpus === 1 ? " vCPU" : " vCPUs")],
  ["seen by ", sum.sources.map((s) => s.source + " " + group(s.count)).join(", ")],
  ["", isNaN(when) ? "" : when.toISOString().replace("T", " ").slice(0, 16) + " UTC"],
].filter(([, b]) => b !== "");
for (const [a, b] of facts)
  byId("facts").append(el("span", {}, a && /^[\d\u202f]+$/.test(a) ? el("b", {}, a) : a, b));
if (sum.lost)
  byId("facts").append(el("span", {class: "warn"}, group(sum.lost) + " events lost"));
