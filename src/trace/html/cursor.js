// The cursor of the map, by mouse or by key, and what it tells.
"use strict";

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
