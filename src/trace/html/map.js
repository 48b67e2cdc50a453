// The map: cells by row, the span of time in view, and the picture.
"use strict";

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
    // Last what matters most: a place is drawn a little wider than it may be.
    for (const [x, all] of [...places].reverse()) {
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
