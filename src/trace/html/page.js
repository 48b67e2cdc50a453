// The page of `penumbra trace --html`: everything it shows is in the JSON block before this script.
// All text goes in as text nodes or onto a canvas: nothing of a trace is ever parsed as markup.
"use strict";

(function () {
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

// --- Cells, by row ---

const rows = data.rows.map(([physical, address, name], i) => {
  const page = pageOf(address);
  return {i, physical, page, address, name, cells: {}};
});
let cellsTotal = 0;
for (const [kind] of kinds)
  for (const [row, ...list] of data.cells[kind]) {
    rows[row].cells[kind] = list;
    cellsTotal += list.length / 2;
  }
const typeKinds = {"guest-fault": ["missing", "write", "other"], "hidden-fault": ["hidden"],
  "foreseen": ["foreseen"], "flush": ["flush"], "table-write": ["table"], "second-fault": ["second"]};
// What has a tick of its own has no lane.
const allLanes = types.slice(1).filter((t) => !["mark", "mode"].includes(t) && data.columns[t] && data.columns[t].length);
let lanes = allLanes;
const kindTotal = {};
for (const [kind] of kinds) {
  kindTotal[kind] = 0;
  for (const [, ...list] of data.cells[kind])
    for (let i = 1; i < list.length; i += 2) kindTotal[kind] += list[i];
}

// --- Legend ---

const hidden = new Set(asked.has("hide") ? asked.get("hide").split(",") : ["foreseen"]);
for (const [kind, words] of kinds) {
  const button = el("button", {type: "button", "aria-pressed": String(!hidden.has(kind))},
    dot("--" + kind), words, el("small", {}, group(kindTotal[kind])));
  button.addEventListener("click", () => {
    if (!hidden.delete(kind)) hidden.add(kind);
    button.setAttribute("aria-pressed", String(!hidden.has(kind)));
    ask("hide", [...hidden].join(","));
    draw();
  });
  byId("legend").append(button);
}

// --- Time: the span in view ---

const end = Math.max(1, Math.min(data.lane_ns * map.columns, sum.length_ns * 1.005 + 1));
let from = Number(asked.get("from")) || 0, to = Number(asked.get("to")) || end;
function clampView() {
  const least = Math.min(end, Math.max(data.lane_ns * 8, 8));
  if (!(to - from >= least)) { const mid = (from + to) / 2 || 0; from = mid - least / 2; to = mid + least / 2; }
  if (from < 0) { to -= from; from = 0; }
  if (to > end) { from = Math.max(0, from - (to - end)); to = end; }
}
clampView();
function look(a, b) {
  from = a; to = b; clampView();
  const whole = from <= 0 && to >= end;
  ask("from", whole ? null : Math.round(from)); ask("to", whole ? null : Math.round(to));
  draw();
}
function zoom(factor, around) {
  const at = around === undefined ? (from + to) / 2 : around;
  look(at - (at - from) * factor, at + (to - at) * factor);
}

// --- The picture ---

const picture = byId("picture"), overlay = byId("cursor");
const GAP = 14, THIN = 3, LANE = 26, STRIP = 8, GAPS_NAMED = 24;
let lay = null; // where everything is

// The rows that have something in view, of the kinds that are shown: what is left out makes room.
let view = rows;
function rowsInView() {
  const whole = from <= 0 && to >= end;
  const any = (list) => {
    for (let i = 0; i < list.length; i += 2)
      if ((list[i] + 1) * map.column_ns > from && list[i] * map.column_ns < to) return true;
    return false;
  };
  return rows.filter((row) => kinds.some(([k]) => !hidden.has(k) && row.cells[k] && (whole || any(row.cells[k]))));
}

// Heights of the rows in view, from below. A wide gap of addresses is a band that says how wide; of
// too many only the widest are. A narrower gap is a thin space, if there is room for all of them.
function layRows(height) {
  const step = BigInt(map.row_pages);
  const wide = [];
  let narrow = 0;
  for (let i = 1; i < view.length; i++) {
    const a = view[i - 1], b = view[i];
    if (a.physical !== b.physical) wide.push([i, Infinity]);
    else if (b.page - a.page > step * 32n) wide.push([i, Number(b.page - a.page - step)]);
    else if (b.page - a.page !== step) narrow++;
  }
  wide.sort((a, b) => b[1] - a[1]);
  const gaps = new Map(wide.slice(0, GAPS_NAMED));
  narrow += wide.length - gaps.size;
  let room = height - gaps.size * GAP;
  const thin = narrow * THIN < room / 4 ? THIN : 0;
  room -= narrow * thin;
  const each = Math.max(room / Math.max(view.length, 1), 0.1);
  const rowHeight = each >= 1 ? Math.min(Math.floor(each), 12) : each;
  let y = 0;
  const at = [], breaks = [];
  view.forEach((row, i) => {
    if (gaps.has(i)) { breaks.push([i, y, gaps.get(i)]); y += GAP; }
    else if (i && row.page - view[i - 1].page !== step) y += thin;
    at.push(y);
    y += rowHeight;
  });
  return {at, breaks, rowHeight, height: Math.max(y, 24)};
}

function layOut() {
  lanes = allLanes.filter((t) => {
    const of = (typeKinds[t] || []).filter((k) => kindTotal[k]);
    return !of.length || of.some((k) => !hidden.has(k)) || (t === "flush" && data.columns.broad.length);
  });
  const width = byId("map").clientWidth;
  const left = width >= 900 ? 218 : width >= 600 ? 150 : 92;
  const right = 10;
  const top = data.marks.length ? 20 : 4;
  const laneTop = top + STRIP + 6;
  const mapTop = laneTop + lanes.length * LANE + 10;
  view = rowsInView();
  const tall = Math.max(140, Math.min(560, view.length * 9 + 60));
  const r = layRows(tall);
  return {width, left, right, top, laneTop, mapTop, rows: r, plot: width - left - right,
    mapHeight: r.height, height: mapTop + r.height + 26};
}
const xOf = (ns) => lay.left + (ns - from) / (to - from) * lay.plot;
const nsOf = (x) => from + (x - lay.left) / lay.plot * (to - from);
// Rows go up as addresses do.
const yOf = (i) => lay.mapTop + lay.mapHeight - lay.rows.at[i] - lay.rows.rowHeight;

function fit(canvas, w, h) {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(w * scale); canvas.height = Math.round(h * scale);
  canvas.style.height = h + "px";
  const c = canvas.getContext("2d");
  c.setTransform(scale, 0, 0, scale, 0, 0);
  return c;
}

function ticks(count) {
  const raw = (to - from) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) || raw;
  const list = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) list.push(t);
  return [list, step];
}
function timeLabel(ns, step) {
  const [unit, name] = to >= 2e9 ? [1e9, "s"] : to >= 2e6 ? [1e6, "ms"] : to >= 2e3 ? [1e3, "\u00b5s"] : [1, "ns"];
  const places = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  return (ns / unit).toFixed(places) + " " + name;
}

// Sums a flat list of columns (each `ns` wide) and counts by pixel, for the columns in view, none
// drawn narrower than `least`: handed x, width, count. Of several columns in a pixel the sum, or the
// greatest: as many may share a pixel or one more, sums would show stripes that are not there.
function eachColumn(list, ns, least, take, greatest) {
  const wide = ns / (to - from) * lay.plot >= 1;
  let atX = -1, width = 0, count = 0;
  for (let i = 0; i < list.length; i += 2) {
    const start = list[i] * ns;
    if (start + ns <= from || start >= to) continue;
    const x = wide ? Math.round(xOf(start)) : Math.floor(xOf(start));
    if (x !== atX) {
      if (count) take(atX, width, count);
      atX = x; count = 0;
      width = Math.max(wide ? Math.round(xOf(start + ns)) - x : 1, least);
    }
    count = greatest ? Math.max(count, list[i + 1]) : count + list[i + 1];
  }
  if (count) take(atX, width, count);
}

let cssValues = null;
const css = (name) => cssValues.getPropertyValue(name).trim();
const mono = "11px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

// Cuts a text to a width.
function cut(c, text, width) {
  if (c.measureText(text).width <= width) return text;
  while (text.length > 1 && c.measureText(text + "\u2026").width > width) text = text.slice(0, -1);
  return text + "\u2026";
}

// Spans of one mode: it lasts until an event in the other. A column may have both.
const modeSpans = (() => {
  const both = new Map();
  for (const [bit, list] of [[1, data.columns.hw], [2, data.columns.shadow]])
    for (let i = 0; i < list.length; i += 2) both.set(list[i], (both.get(list[i]) || 0) | bit);
  const spans = [];
  for (const [column, bits] of [...both].sort((a, b) => a[0] - b[0])) {
    const last = spans[spans.length - 1];
    if (last && last.bits === bits) continue;
    if (last) last.to = column * data.lane_ns;
    spans.push({bits, from: spans.length ? column * data.lane_ns : 0, to: end});
  }
  return spans;
})();

function drawStrip(c) {
  for (const s of modeSpans) {
    const x = Math.max(lay.left, xOf(s.from)), x2 = Math.min(lay.left + lay.plot, xOf(s.to));
    if (x2 <= x) continue;
    const w = Math.max(x2 - x, 1), half = s.bits === 3 ? STRIP / 2 : 0;
    c.fillStyle = css(s.bits & 1 ? "--hw" : "--shadow");
    c.fillRect(x, lay.top, w, STRIP);
    c.fillStyle = css("--shadow");
    if (half) c.fillRect(x, lay.top + half, w, half);
  }
  let x = lay.left - 8;
  c.textAlign = "right"; c.textBaseline = "middle";
  for (const [name, list] of [["shadow", data.columns.shadow], ["hw", data.columns.hw]]) {
    if (!list.length) continue;
    c.fillStyle = css("--soft");
    c.fillText(name, x, lay.top + STRIP / 2);
    x -= c.measureText(name).width + 13;
    c.fillStyle = css("--" + name);
    c.fillRect(x, lay.top, 9, STRIP);
    x -= 8;
  }
}

function drawMarks(c) {
  let free = -1;
  c.textAlign = "left"; c.textBaseline = "alphabetic";
  for (const m of data.marks) {
    const ns = m[1];
    if (ns < from || ns > to) continue;
    const x = Math.round(xOf(ns)) + 0.5;
    c.strokeStyle = css("--soft"); c.globalAlpha = 0.5; c.setLineDash([2, 3]);
    c.beginPath(); c.moveTo(x, lay.top - 4); c.lineTo(x, lay.mapTop + lay.mapHeight); c.stroke();
    c.setLineDash([]); c.globalAlpha = 1;
    const isMode = types[m[4]] === "mode";
    const text = isMode ? m[9] : "mark " + m[9].split(",")[0];
    if (x < free) continue;
    const room = lay.left + lay.plot - x - 2;
    c.fillStyle = css("--soft");
    if (room > c.measureText(text).width) { c.fillText(text, x + 2, lay.top - 7); free = x + c.measureText(text).width + 12; }
  }
}

function drawLanes(c) {
  const [grid] = ticks(Math.max(3, lay.plot / 110));
  c.strokeStyle = css("--grid");
  for (const t of grid) {
    const x = Math.round(xOf(t)) + 0.5;
    c.beginPath(); c.moveTo(x, lay.laneTop); c.lineTo(x, lay.mapTop + lay.mapHeight); c.stroke();
  }
  lanes.forEach((type, n) => {
    c.save();
    c.beginPath(); c.rect(lay.left, lay.laneTop + n * LANE, lay.plot, LANE); c.clip();
    const bottom = lay.laneTop + (n + 1) * LANE - 3, tall = LANE - 7;
    const bars = [];
    let most = 0;
    eachColumn(data.columns[type], data.lane_ns, 1.5, (x, w, count) => { bars.push([x, w, count]); most = Math.max(most, count); }, true);
    c.fillStyle = css(colourOf(type));
    for (const [x, w, count] of bars) {
      const h = Math.max(1.5, count / most * tall);
      c.fillRect(x, bottom - h, w, h);
    }
    c.restore();
    c.strokeStyle = css("--line");
    c.beginPath(); c.moveTo(lay.left, bottom + 0.5); c.lineTo(lay.left + lay.plot, bottom + 0.5); c.stroke();
    c.textAlign = "right"; c.textBaseline = "middle";
    c.fillStyle = css("--ink");
    c.fillText(type, lay.left - 8, bottom - tall / 2);
    if (most && lay.left > 140) {
      c.fillStyle = css("--soft"); c.textAlign = "left";
      c.fillText("max " + group(most), 2, bottom - tall / 2);
    }
  });
}

// Kinds that meet in a place share its height, as long as each has two pixels of it; else the one that
// matters most is what is seen: the guest's own faults.
const order = ["write", "missing", "other", "second", "table", "flush", "hidden", "foreseen"];
function drawRows(c) {
  const r = lay.rows, bottom = lay.mapTop + lay.mapHeight;
  const shown = order.filter((k) => kindWords[k] && !hidden.has(k));
  const colour = Object.fromEntries(shown.map((k) => [k, css("--" + k)]));
  c.save();
  c.beginPath(); c.rect(lay.left, lay.mapTop - 2, lay.plot, lay.mapHeight + 4); c.clip();
  c.fillStyle = css("--gap");
  for (const [, y] of r.breaks) c.fillRect(lay.left, bottom - y - GAP, lay.plot, GAP);
  let count = 0;
  const deepest = Math.log2(1 + map.most), high = Math.max(r.rowHeight, 1);
  const inset = r.rowHeight >= 5 ? 1 : 0, most = Math.max(1, Math.floor(r.rowHeight / 2));
  view.forEach((row, i) => {
    const places = new Map(); // x: what is there
    for (const kind of shown)
      if (row.cells[kind])
        eachColumn(row.cells[kind], map.column_ns, 3, (x, w, n) => {
          if (!places.has(x)) places.set(x, []);
          places.get(x).push([kind, w, n]);
          count++;
        });
    for (const [x, all] of places) {
      const some = all.slice(0, most);
      some.forEach(([kind, w, n], k) => {
        const top = Math.round(high * k / some.length), below = Math.round(high * (k + 1) / some.length);
        c.fillStyle = colour[kind];
        c.globalAlpha = 0.6 + 0.4 * Math.min(1, Math.log2(1 + n) / deepest);
        c.fillRect(x, yOf(i) + top, w, Math.max(below - top - (k + 1 === some.length ? inset : 0), high < 1 ? high : 1));
      });
    }
  });
  c.restore();
  return count;
}

// Labels of rows, the weightiest first, none over another.
function drawLabels(c) {
  const r = lay.rows, bottom = lay.mapTop + lay.mapHeight, taken = [];
  const want = [];
  const region = new Set([0]);
  for (const [i, y, size] of r.breaks) {
    region.add(i);
    const words = view[i].physical !== view[i - 1].physical ? "guest-physical addresses" : bytes(size) + " untouched";
    c.fillStyle = css("--soft"); c.textAlign = "left"; c.textBaseline = "middle";
    c.fillText("\u22ee " + words, lay.left + 6, bottom - y - GAP / 2 + 0.5);
  }
  let name = "";
  view.forEach((row, i) => {
    const plain = row.name.replace(/\+0x[0-9a-f]+$/, "");
    const y = yOf(i) + r.rowHeight / 2;
    if (region.has(i)) want.push([0, y, row.address + (plain ? " " + plain : ""), "--ink"]);
    else if (plain && plain !== name) want.push([2, y, row.address + " " + plain, "--ink"]);
    else want.push([3 + i % 2, y, row.address, "--soft"]);
    name = plain;
  });
  want.sort((a, b) => a[0] - b[0]);
  c.textBaseline = "middle";
  let plainFree = 0;
  for (const [weight, y, text, colour] of want) {
    if (taken.some((t) => Math.abs(t - y) < (weight >= 3 ? 26 : 12))) continue;
    if (weight >= 3 && plainFree++ > 200) break;
    taken.push(y);
    c.fillStyle = css(colour);
    c.textAlign = "left";
    const shownText = lay.left < 120 ? text.split(" ")[0] : text;
    c.fillText(cut(c, shownText, lay.left - 8), 2, y);
  }
}

function drawAxis(c) {
  const [list, step] = ticks(Math.max(3, lay.plot / 110));
  const y = lay.mapTop + lay.mapHeight;
  c.strokeStyle = css("--line");
  c.strokeRect(lay.left + 0.5, lay.mapTop - 0.5, lay.plot - 1, lay.mapHeight + 1);
  c.fillStyle = css("--soft"); c.textBaseline = "top";
  for (const t of list) {
    const x = xOf(t), text = timeLabel(t, step), w = c.measureText(text).width;
    c.textAlign = "left";
    c.fillText(text, Math.min(Math.max(lay.left, x - w / 2), lay.left + lay.plot - w), y + 7);
    c.fillRect(Math.round(x), y, 1, 4);
  }
}

function draw() {
  cssValues = getComputedStyle(root);
  lay = layOut();
  const c = fit(picture, lay.width, lay.height);
  fit(overlay, lay.width, lay.height);
  c.font = mono;
  c.clearRect(0, 0, lay.width, lay.height);
  drawStrip(c);
  drawLanes(c);
  const count = drawRows(c);
  drawMarks(c);
  drawLabels(c);
  drawAxis(c);
  root.dataset.cells = cellsTotal;
  root.dataset.drawn = count;
  root.dataset.wide = root.scrollWidth > root.clientWidth ? "yes" : "no";
  picture.setAttribute("aria-label", "Map of " + rows.length + " rows of pages over " + span(sum.length_ns) +
    ": " + kinds.map(([k, w]) => kindTotal[k] + " " + w).join(", "));
  byId("scale").textContent = scaleWords();
  drawn = true;
  showCursor();
}

function scaleWords() {
  const rowSpan = map.row_pages === 1 ? "one page" : group(map.row_pages) + " pages (" + bytes(map.row_pages) + ")";
  return "A cell is " + span(map.column_ns) + " (" + group(map.column_ns) + " ns) by " + rowSpan +
    " and stands for " + (map.most > 1 ? "1 to " + group(map.most) + " events" : "one event") + " of one kind; " + group(map.events) + " events are in " +
    group(map.cells) + " cells, the stronger the colour the more. The rows over the map count events on all pages, " + span(data.lane_ns) + " at a time, their greatest count beside them. In view: " + span(Math.min(to - from, sum.length_ns)) + " of " + span(sum.length_ns) + ".";
}

// --- The cursor: by mouse or by key, one readout ---

let cursor = null; // {x, y}

function rowAt(y) {
  const up = lay.mapTop + lay.mapHeight - y;
  let low = 0, high = view.length - 1, found = -1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    if (lay.rows.at[mid] <= up) { found = mid; low = mid + 1; } else high = mid - 1;
  }
  return found >= 0 && up < lay.rows.at[found] + Math.max(lay.rows.rowHeight, 1) ? view[found] : null;
}
function countIn(list, wide, a, b) {
  let n = 0;
  for (let i = 0; i < list.length; i += 2) {
    const ns = list[i] * wide;
    if (ns + wide > a && ns < b) n += list[i + 1];
  }
  return n;
}

function readout() {
  if (!cursor) return "Point at the map, or focus it and use the arrow keys. Drag to look closer; double-click for the whole run.";
  const half = Math.max((cursor.y < lay.mapTop ? data.lane_ns : map.column_ns) / 2, (to - from) / lay.plot * 2), at = nsOf(cursor.x);
  const a = at - half, b = at + half;
  let text = span(Math.max(0, at)) + " \u00b1 " + span(half);
  const lane = Math.floor((cursor.y - lay.laneTop) / LANE);
  if (cursor.y < lay.mapTop - 4 || !rows.length) {
    const some = lanes.map((t) => [t, countIn(data.columns[t], data.lane_ns, a, b)]).filter(([, n]) => n);
    if (lane >= 0 && lane < lanes.length) text += "  " + lanes[lane];
    return text + "\n" + (some.map(([t, n]) => t + " " + group(n)).join(", ") || "no events");
  }
  const row = rowAt(cursor.y);
  if (!row) return text + "\nuntouched addresses";
  const last = map.row_pages > 1 ? " .. " + hex((row.page + BigInt(map.row_pages)) * 4096n - 1n) : "";
  text += "  " + (row.physical ? "GPA " : "GVA ") + row.address + last + "  " + row.name;
  const some = kinds.filter(([k]) => row.cells[k]).map(([k, w]) => [w, countIn(row.cells[k], map.column_ns, a, b), kindCount(row, k)]);
  const here = some.filter(([, n]) => n).map(([w, n]) => w + " " + group(n)).join(", ");
  return text + "\n" + (here || "nothing here") + "; in the whole run: " +
    some.map(([w, , n]) => w + " " + group(n)).join(", ");
}
function kindCount(row, kind) {
  let n = 0;
  for (let i = 1; i < row.cells[kind].length; i += 2) n += row.cells[kind][i];
  return n;
}

let dragFrom = null;
function showCursor() {
  const c = overlay.getContext("2d");
  c.clearRect(0, 0, lay.width, lay.height);
  if (cursor) {
    const x = Math.round(cursor.x) + 0.5, y = Math.round(cursor.y) + 0.5;
    if (dragFrom !== null) {
      c.fillStyle = css("--focus"); c.globalAlpha = 0.15;
      c.fillRect(Math.min(dragFrom, cursor.x), lay.top, Math.abs(cursor.x - dragFrom), lay.mapTop + lay.mapHeight - lay.top);
      c.globalAlpha = 1;
    }
    c.strokeStyle = css("--ink"); c.globalAlpha = 0.45;
    c.beginPath(); c.moveTo(x, lay.top); c.lineTo(x, lay.mapTop + lay.mapHeight); c.stroke();
    if (cursor.y >= lay.mapTop) { c.beginPath(); c.moveTo(lay.left, y); c.lineTo(lay.left + lay.plot, y); c.stroke(); }
    c.globalAlpha = 1;
  }
  byId("readout").textContent = readout();
}
const clampX = (x) => Math.min(Math.max(x, lay.left), lay.left + lay.plot - 1);
const clampY = (y) => Math.min(Math.max(y, lay.top), lay.mapTop + lay.mapHeight - 1);
function moveTo(x, y) { cursor = {x: clampX(x), y: clampY(y)}; showCursor(); }

overlay.addEventListener("pointermove", (e) => moveTo(e.offsetX, e.offsetY));
overlay.addEventListener("pointerleave", () => { if (dragFrom === null) { cursor = null; showCursor(); } });
overlay.addEventListener("pointerdown", (e) => {
  if (e.button !== 0 || e.pointerType === "touch") return;
  overlay.setPointerCapture(e.pointerId);
  dragFrom = clampX(e.offsetX);
});
overlay.addEventListener("pointerup", (e) => {
  const a = dragFrom, b = clampX(e.offsetX);
  dragFrom = null;
  if (a !== null && Math.abs(a - b) > 5) look(nsOf(Math.min(a, b)), nsOf(Math.max(a, b)));
});
overlay.addEventListener("dblclick", () => look(0, end));
overlay.addEventListener("keydown", (e) => {
  const far = e.shiftKey ? 10 : 1;
  const at = cursor || {x: lay.left + lay.plot / 2, y: lay.mapTop + lay.mapHeight / 2};
  const stepX = Math.max(1, map.column_ns / (to - from) * lay.plot), stepY = Math.max(1, lay.rows.rowHeight);
  switch (e.key) {
  case "ArrowLeft": moveTo(at.x - stepX * far, at.y); break;
  case "ArrowRight": moveTo(at.x + stepX * far, at.y); break;
  case "ArrowUp": moveTo(at.x, at.y - stepY * far); break;
  case "ArrowDown": moveTo(at.x, at.y + stepY * far); break;
  case "+": case "=": zoom(0.5, nsOf(at.x)); break;
  case "-": zoom(2, nsOf(at.x)); break;
  case "0": case "Escape": look(0, end); break;
  default: return;
  }
  e.preventDefault();
});
byId("zoom-in").addEventListener("click", () => zoom(0.5));
byId("zoom-out").addEventListener("click", () => zoom(2));
byId("zoom-all").addEventListener("click", () => look(0, end));

function showTime(ns) {
  const half = Math.max((to - from) / 2, data.lane_ns * 32) / 8;
  look(ns - half, ns + half);
  cursor = {x: clampX(xOf(ns)), y: lay.laneTop + 4};
  showCursor();
  byId("map-title").scrollIntoView({block: "start"});
}

// --- Tables ---

// columns: [key, heading, value of a row, {number, cell: what stands there, code, long}]
function table(id, columns, list, sorted, down) {
  const t = byId(id), head = el("tr"), body = el("tbody");
  let shown = list;
  function fill() {
    const column = columns.find(([k]) => k === sorted);
    if (column) {
      const value = column[2];
      shown = [...shown].sort((a, b) => {
        const x = value(a), y = value(b);
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
    }
    for (const th of head.children)
      if (th.dataset.key === sorted) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    body.replaceChildren(...shown.map((row) => {
      const tr = el("tr");
      for (const [, , value, how] of columns) {
        const td = el("td", {class: (how.number ? "n " : "") + (how.code ? "code " : "") + (how.long ? "long" : "")});
        td.append(how.cell ? how.cell(row) : how.number ? group(value(row)) : value(row));
        tr.append(td);
      }
      return tr;
    }));
  }
  function sortBy(key, isDown) {
    sorted = key; down = isDown;
    fill();
  }
  for (const [key, words, value, how] of columns) {
    const th = el("th", {class: how.number ? "n" : "", scope: "col", "data-key": key});
    if (value) th.append(el("button", {type: "button", onclick: () => {
      sortBy(key, sorted === key ? !down : !!how.number);
      if (id === "events") { ask("sort", key); ask("up", down ? null : "1"); root.dataset.sort = key; }
    }}, words));
    else th.append(words);
    head.append(th);
  }
  t.append(el("thead", {}, head), body);
  fill();
  return {sortBy, has: (key) => columns.some(([k, , v]) => k === key && v),
    only(test) { shown = list.filter(test); fill(); return shown.length; }};
}
const typeCell = (type) => el("span", {}, dot(colourOf(type)), " " + type);

// Busiest spans: of each type the hundredth of the run in which most of its events are.
function busiest() {
  const columns = Math.max(1, Math.ceil(end / data.lane_ns)), width = Math.max(1, Math.round(columns / 100));
  const found = [];
  for (const type of ["guest-fault", "hidden-fault", "flush", "table-write", "cr3", "second-fault", "exit"]) {
    const list = data.columns[type];
    if (!list) continue;
    let total = 0, most = 0, at = 0, sumIn = 0, tail = 0;
    for (let i = 0; i < list.length; i += 2) {
      total += list[i + 1]; sumIn += list[i + 1];
      while (list[tail] <= list[i] - width) { sumIn -= list[tail + 1]; tail += 2; }
      if (sumIn > most) { most = sumIn; at = list[tail]; }
    }
    const length = width * data.lane_ns, rate = most / length * 1e9;
    const mean = total / Math.max(1, sum.length_ns) * 1e9;
    if (most >= 8) found.push({type, at: at * data.lane_ns, length, most, share: most / total, rate, times: rate / mean});
  }
  return found;
}
const busy = busiest();
if (busy.length)
  table("busy", [
    ["event", "event", (r) => r.type, {cell: (r) => typeCell(r.type)}],
    ["at", "from", (r) => r.at, {number: true, cell: (r) => el("button", {type: "button", title: "show in the map",
      onclick: () => { look(r.at - 2 * r.length, r.at + 3 * r.length); byId("map-title").scrollIntoView(); }}, span(r.at))}],
    ["length", "for", (r) => r.length, {number: true, cell: (r) => span(r.length)}],
    ["count", "events", (r) => r.most, {number: true}],
    ["share", "of all", (r) => r.share, {number: true, cell: (r) => digits(r.share * 100, 1) + " %"}],
    ["rate", "a second", (r) => r.rate, {number: true, cell: (r) => digits(r.rate, 0)}],
    ["times", "\u00d7 the run's average", (r) => r.times, {number: true, cell: (r) => digits(r.times, 1)}],
  ], busy, "rate", true);
else byId("busy-section").remove();

// Histograms on one axis of costs.
const costs = sum.types.filter((t) => t.cost);
const lowest = Math.log10(Math.max(10, Math.min(...costs.map((t) => data.histograms[t.type][0]), 1e9)) * 0.8);
const highest = Math.log10(Math.max(1000, ...costs.map((t) => t.cost.max_ns)) * 1.25);
const HW = innerWidth < 860 ? 120 : 330, HH = 26; // as wide as a narrow table leaves room for
const hx = (ns) => Math.max(0, Math.min(HW, (Math.log10(Math.max(ns, 1)) - lowest) / (highest - lowest) * HW));
const decades = [];
for (let d = Math.ceil(lowest); d <= highest; d++) decades.push(d);

function histogram(type) {
  const cost = costs.find((t) => t.type === type);
  if (!cost) return "";
  const bins = new Map(), list = data.histograms[type], step = 4;
  for (let i = 0; i < list.length; i += 2) {
    const bin = Math.floor(hx(list[i]) / step);
    bins.set(bin, (bins.get(bin) || 0) + list[i + 1]);
  }
  const most = Math.max(...bins.values());
  const path = [...bins].map(([b, n]) => {
    const h = Math.max(1.5, Math.sqrt(n / most) * (HH - 3));
    return "M" + b * step + " " + HH + "v-" + h.toFixed(1) + "h" + (step - 0.6) + "v" + h.toFixed(1) + "z";
  }).join("");
  const bars = svg("path", {d: path, class: "bars"});
  bars.style.color = "var(" + colourOf(type) + ")";
  return svg("svg", {width: HW, height: HH, viewBox: "0 0 " + HW + " " + HH, role: "img",
    "aria-label": "p50 " + span(cost.cost.p50_ns) + ", p90 " + span(cost.cost.p90_ns) + ", p99 " + span(cost.cost.p99_ns)},
  ...decades.map((d) => svg("line", {x1: hx(10 ** d), x2: hx(10 ** d), y1: 0, y2: HH, class: "axis"})), bars,
  ...["p50_ns", "p90_ns", "p99_ns"].map((p) => svg("line", {x1: hx(cost.cost[p]), x2: hx(cost.cost[p]), y1: 0, y2: HH, class: "stroke"})));
}
const costHead = svg("svg", {width: HW, height: 14, viewBox: "0 0 " + HW + " 14", "aria-label": "cost, logarithmic"});
for (const d of decades) {
  const x = hx(10 ** d), anchor = x > HW - 26 ? "end" : x < 20 ? "start" : "middle";
  if (HW < 200 && (d - decades[0]) % 2) continue;
  const label = svg("text", {x, y: 11, "text-anchor": anchor});
  label.textContent = span(10 ** d).replace(/\.0+(?= )/, "");
  costHead.append(label);
}
const costOf = (key) => [(t) => (t.cost ? t.cost[key] : -1), {number: true, cell: (t) => (t.cost ? us(t.cost[key]) : "\u2013")}];
const rate = (t) => t.count / Math.max(1, sum.length_ns) * 1e9;
table("types", [
  ["event", "event", (t) => t.type, {cell: (t) => typeCell(t.type)}],
  ["count", "count", (t) => t.count, {number: true}],
  ["rate", "a second", rate, {number: true, cell: (t) => digits(rate(t), 0)}],
  ["p50", "p50 \u00b5s", ...costOf("p50_ns")],
  ["p90", "p90 \u00b5s", ...costOf("p90_ns")],
  ["p99", "p99 \u00b5s", ...costOf("p99_ns")],
  ["max", "max \u00b5s", ...costOf("max_ns")],
  ["total", "total ms", costOf("sum_ns")[0], {number: true, cell: (t) => (t.cost ? ms(t.cost.sum_ns) : "\u2013")}],
  ["shape", costHead, null, {cell: (t) => histogram(t.type)}],
], sum.types, "total", true);

// [order, time, vcpu, mode, type, cost, cpl, rip, where, what]
const eventColumns = [
  ["time", "time ms", (e) => e[1], {number: true, cell: (e) => el("button", {type: "button", title: "show in the map",
    onclick: () => showTime(e[1])}, ms(e[1]))}],
  ["vcpu", "vCPU", (e) => e[2], {number: true}],
  ["mode", "mode", (e) => e[3], {}],
  ["event", "event", (e) => types[e[4]], {cell: (e) => typeCell(types[e[4]])}],
  ["cost", "cost \u00b5s", (e) => e[5], {number: true, cell: (e) => us(e[5])}],
  ["cpl", "CPL", (e) => e[6], {number: true}],
  ["where", "where", (e) => e[8], {code: true, cell: (e) => el("span", {title: e[7]}, e[8])}],
  ["what", "what", (e) => e[9], {code: true, long: true}],
];
const wanted = asked.get("sort") || "cost";
const events = table("events", eventColumns, data.events, "cost", true);
if (events.has(wanted)) events.sortBy(wanted, asked.get("up") !== "1");
root.dataset.sort = events.has(wanted) ? wanted : "cost";
byId("events-note").textContent = sum.events > data.events.length
  ? "The " + group(data.events.length) + " of greatest cost out of " + group(sum.events) + "; of equal cost the earliest."
  : "All " + group(sum.events) + " events of this trace.";
byId("find").addEventListener("input", (e) => {
  const words = e.target.value.toLowerCase();
  root.dataset.found = events.only((r) => [r[3], types[r[4]], r[7], r[8], r[9]].join(" ").toLowerCase().includes(words));
});

const at = (type) => 3 + types.indexOf(type) - 1;
const symbolCount = (type, words) => [type, words, (s) => s[at(type)], {number: true}];
table("symbols", [
  ["symbol", "function", (s) => s[0], {code: true}],
  ["cost", "total \u00b5s", (s) => s[2], {number: true, cell: (s) => us(s[2])}],
  ["each", "\u00b5s each", (s) => s[2] / s[1], {number: true, cell: (s) => us(s[2] / s[1])}],
  ["events", "events", (s) => s[1], {number: true}],
  ...["guest-fault", "hidden-fault", "foreseen", "table-write", "flush", "cr3", "exit"]
    .filter((t) => data.columns[t]).map((t) => symbolCount(t, t)),
], data.symbols, "cost", true);
byId("symbols-note").textContent = data.symbols_other[0] || data.symbols_other[1]
  ? "And " + group(data.symbols_other[0]) + " more functions with " + group(data.symbols_other[1]) + " events, " + us(data.symbols_other[2]) + " \u00b5s."
  : "";
table("pages", [
  ["gva", "page", (p) => BigInt(p.gva), {code: true, cell: (p) => p.gva}],
  ["symbol", "what is there", (p) => p.symbol, {code: true}],
  ["faults", "faults", (p) => p.faults, {number: true}],
  ["guest", "guest", (p) => p.guest, {number: true}],
  ["hidden", "hidden", (p) => p.hidden, {number: true}],
], sum.pages, "faults", true);
byId("pages-note").textContent = sum.pages_other.faults
  ? group(sum.pages_other.faults) + " more faults about " + (sum.pages_other.keys_are_all ? "" : "more than ") + group(sum.pages_other.keys) + " other pages."
  : "";
table("flushes", [
  ["kind", "flush of", (f) => f.kind, {}],
  ["cause", "by", (f) => f.cause, {}],
  ["count", "count", (f) => f.count, {number: true}],
  ["dropped", "entries dropped", (f) => f.dropped, {number: true}],
], sum.flushes, "count", true);
table("faults", [
  ["kind", "guest fault about", (f) => f.kind, {}],
  ["count", "count", (f) => f.count, {number: true}],
], sum.guest_faults, "count", true);

// --- What is left out ---

const about = [scaleWords().split(" The rows")[0],
  "The rows over the map are in columns of " + group(data.lane_ns) + " ns.",
  "Time is in at most " + group(map.columns) + " columns and pages in at most 1\u202f024 rows: a longer or wider trace makes both coarser, and this page no larger."];
if (data.late) about.push(group(data.late) + " events have a time after 104 days and are in no column: the file is damaged.");
if (map.crowded) about.push(group(map.crowded) + " events found no place in the map.");
if (!map.whole) about.push("There was no memory for the map.");
if (data.marks_all > data.marks.length)
  about.push("Of " + group(data.marks_all) + " marks and changes of mode the first " + group(data.marks.length) + " have a tick.");
about.push("Flushes that are not of one page, loads of CR3, marks and exits have no page: they are in the rows over the map, not in it.");
about.push("Rows are guest-virtual pages, whatever the address space: the same page of two processes is one row. A page touched without a fault is not seen.");
about.push(sum.lost ? group(sum.lost) + " events were lost because the ring was full." : "No event was lost.");
if (sum.numbers_missing !== sum.lost) about.push(group(sum.numbers_missing) + " record numbers are missing.");
if (sum.unknown) about.push(group(sum.unknown) + " events are of types that the program which wrote this page does not know.");
about.push("This page loads nothing: its security policy forbids it. #sort=, #from=, #to=, #hide= and #theme= in its address keep a view.");
for (const text of about) byId("about").append(el("li", {}, text));

// --- Go ---

applyTheme();
draw();
let lastWidth = byId("map").clientWidth;
new ResizeObserver(() => {
  const width = byId("map").clientWidth;
  if (width !== lastWidth) { lastWidth = width; draw(); }
}).observe(byId("map"));
root.dataset.events = sum.events;
root.dataset.rows = rows.length;
root.dataset.ready = "yes";
}());
