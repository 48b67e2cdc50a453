// The tables, their histograms, and what is said of what is left out; and then all is drawn.
"use strict";

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
