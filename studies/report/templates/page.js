"use strict";
// What makes the page answer: tables are sorted, tables and figures saved, and an invariant that is pointed at
// shows its graph and is marked wherever it stands. Without this script the page is complete, but still.

// Tables.

const NUMBER = /^\[?([<>≤≥]?)\s*([−+-]?(?:\d+\.?\d*|\.\d+)(?:e[−+-]?\d+)?)(?!\d|\.\d|\s\d)/i;
const words = new Intl.Collator("en-GB", { numeric: true });

// The number that a cell begins with, after an arrow the later one; a bound is a little beyond its number.
function numberIn(text) {
  const found = NUMBER.exec(text.split("→").pop().trim());
  if (!found) return NaN;
  const value = Number(found[2].replaceAll("−", "-"));
  const beyond = { "<": -1, ">": 1 }[found[1]] ?? 0;
  return value + beyond * 1e-9 * Math.abs(value);
}

function sortBy(heading, column) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  const whole = heading.closest("table");
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  if (whole.sortAll) return whole.sortAll(column, descending);
  const body = whole.tBodies[0];
  const rows = [...body.rows].map((row) => {
    const text = row.cells[column].textContent.trim();
    return { row, text, number: numberIn(text), missing: text === "" || text === "–" };
  });
  const numeric = rows.every((entry) => entry.missing || !Number.isNaN(entry.number));
  rows.sort((a, b) => {
    if (a.missing || b.missing) return a.missing - b.missing; // at the end, either way
    const order = numeric ? a.number - b.number : words.compare(a.text, b.text);
    return descending ? -order : order;
  });
  body.append(...rows.map((entry) => entry.row));
}

function csvOf(table) {
  const field = (cell) => {
    const text = cell.textContent.trim().replace(/−(?=[\d.])/g, "-");
    // a spreadsheet would calculate a name that begins with =
    const inert = /^'*[=+\-@\t\r]/.test(text) && Number.isNaN(numberIn(text)) ? `'${text}` : text;
    return /[",\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  return [...table.rows].map((row) => [...row.cells].map(field).join(",") + "\n").join("");
}

function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

for (const scroll of document.querySelectorAll(".scroll")) {
  const table = scroll.querySelector("table");
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(heading, column));
    heading.append(button);
  });
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rows";
  button.textContent = "Save these rows as CSV";
  const name = scroll.getAttribute("aria-label").replace(/[^\p{L}\p{N}]+/gu, "_");
  button.addEventListener("click", () => save(`${name}.csv`, "text/csv", csvOf(table)));
  scroll.after(button);
}

// Long tables: all rows come packed by column and are unpacked when the table is opened. At most so many rows are
// written into the page at once; search, filters and sorting act on all of them.

const DRAWN = 500;
const FILTERS = ["layer", "epoch", "subset", "ensemble", "run"];

// a number as Python's format ".4g" writes it
function written(value) {
  if (value === null) return "–";
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  const text = power < -4 || power >= 4
    ? value.toExponential().replace(/e([+-])(\d)$/, "e$10$2")
    : String(value);
  return text.replaceAll("-", "−");
}

async function contentOf(script) {
  const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function unpacked(script) {
  const columns = await contentOf(script);
  return columns.map((column) => column.values
    ? { text: (row) => written(column.values[row]), key: (row) => column.values[row], count: column.values.length }
    : { text: (row) => column.texts[column.places[row]], key: (row) => column.texts[column.places[row]], count: column.places.length });
}

const plainText = (html) => html.replace(/<[^>]*>/g, "");

async function explore(details, script) {
  const columns = await unpacked(script);
  const table = details.querySelector("table");
  const headings = [...table.tHead.rows[0].cells];
  const all = [...Array(columns[0].count).keys()];
  const filters = document.createElement("div");
  filters.className = "filters";
  const search = Object.assign(document.createElement("input"), { type: "search", placeholder: "Search" });
  search.setAttribute("aria-label", "Search the table");
  filters.append(search);
  const chosen = [];
  headings.forEach((heading, column) => {
    const name = heading.textContent.trim();
    if (!FILTERS.includes(name)) return;
    const select = document.createElement("select");
    select.setAttribute("aria-label", name);
    select.add(new Option(`${name}: all`, ""));
    for (const value of new Set(all.map(columns[column].text))) select.add(new Option(`${name} ${plainText(value)}`, value));
    select.addEventListener("change", draw);
    filters.append(select);
    chosen.push([select, columns[column]]);
  });
  search.addEventListener("input", draw);
  details.querySelector(".scroll").before(filters);
  let order = all;

  function matching() {
    const wanted = search.value.trim().toLowerCase();
    return order.filter((row) => chosen.every(([select, column]) => !select.value || column.text(row) === select.value)
      && (!wanted || columns.some((column) => plainText(column.text(row)).toLowerCase().includes(wanted))));
  }
  function markup(row) {
    return `<tr>${columns.map((column) => `<td>${column.text(row)}</td>`).join("")}</tr>`;
  }
  function draw() {
    const rows = matching();
    table.tBodies[0].innerHTML = rows.slice(0, DRAWN).map(markup).join("");
    table.tBodies[0].querySelectorAll("[data-invariant]").forEach(enlist);
    const shown = rows.length > DRAWN ? `The first ${DRAWN} of them are shown.` : "";
    details.querySelector(".count").textContent = `${rows.length} of ${all.length} rows match. ${shown}`;
  }
  table.sortAll = (column, descending) => {
    const values = all.map((row) => {
      const key = columns[column].key(row);
      return typeof key === "string" ? plainText(key) : key;
    });
    const missing = (value) => value === null || value === "–" || value === "";
    const numbers = values.map((value) => (typeof value === "number" ? value : value === null ? NaN : numberIn(value)));
    const numeric = all.every((row) => missing(values[row]) || !Number.isNaN(numbers[row]));
    order = [...all].sort((a, b) => {
      if (missing(values[a]) || missing(values[b])) return missing(values[a]) - missing(values[b]);
      const difference = numeric ? numbers[a] - numbers[b] : words.compare(values[a], values[b]);
      return descending ? -difference : difference;
    });
    draw();
  };
  draw();
}

for (const script of document.querySelectorAll(".packed")) {
  script.closest("details").addEventListener("toggle", (event) => explore(event.target, script), { once: true });
}

for (const line of document.querySelectorAll(".interactive")) line.hidden = false;

// Figures: the link leads to the file beside the page; the script saves what is in the page itself, which may have
// been moved alone, with the colours of the file instead of those of the page.

function fileOf(svg) {
  const copy = svg.cloneNode(true);
  copy.querySelectorAll(".ring").forEach((ring) => ring.remove());
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("stroke-linejoin", "round");
  return new XMLSerializer().serializeToString(copy).replace(/var\(--[\w-]+, (#[0-9a-f]{6})\)/g, "$1");
}

for (const link of document.querySelectorAll("a[download$='.svg']")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    save(link.download, "image/svg+xml", fileOf(link.closest("figure").querySelector("svg")));
  });
}

// Invariants.

const cards = JSON.parse(document.getElementById("cards").textContent);
const panel = document.getElementById("invariant");
const mentions = new Map();
let pinned = null;

function enlist(element) {
  const key = element.dataset.invariant;
  if (!(key in cards)) return;
  mentions.set(key, [...(mentions.get(key) ?? []).filter((other) => other.isConnected), element]);
  const svg = element.closest("svg");
  // of a figure one point is reached by the tabulator, the others from it by the arrow keys
  element.setAttribute("tabindex", svg?.querySelector("[data-invariant][tabindex]") ? "-1" : "0");
  element.setAttribute("role", "button");
  if (svg) element.setAttribute("aria-label", cards[key].plain);
}

document.querySelectorAll("[data-invariant]").forEach(enlist);

const mentionAt = (event) => event.target.closest?.("[data-invariant][tabindex]");

function tableOf(card) {
  const cells = (names, tag) => `<tr>${names.map((name) => `<${tag}>${name}</${tag}>`).join("")}</tr>`;
  const escaped = card.values.map((row) => row.map((value) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")));
  return `<table><thead>${cells(card.columns, "th")}</thead><tbody>${escaped.map((row) => cells(row, "td")).join("")}</tbody></table>`;
}

function mark(key) {
  document.querySelectorAll(".ring").forEach((ring) => ring.remove());
  document.querySelectorAll(".lit").forEach((element) => element.classList.remove("lit"));
  for (const element of mentions.get(key) ?? []) {
    element.classList.add("lit");
    if (!element.closest("svg")) continue;
    const box = element.getBBox();
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const around = { x: box.x - 3, y: box.y - 3, width: box.width + 6, height: box.height + 6, rx: 5, class: "ring" };
    for (const [name, value] of Object.entries(around)) ring.setAttribute(name, value);
    element.append(ring);
  }
}

function show(key) {
  if (panel.dataset.key !== key) {
    const card = cards[key];
    panel.dataset.key = key;
    const chosen = card.chosen ? " · among the 39 of arXiv:2510.05218" : "";
    panel.querySelector("div").innerHTML =
      `<h3>${card.formula}</h3>${card.drawing}<p class="quiet"><code>${card.label}</code> · degree ${card.degree} · ` +
      `${card.nodes} node${card.nodes > 1 ? "s" : ""}${chosen}</p>${tableOf(card)}`;
    mark(key);
  }
  if (!panel.matches(":popover-open")) panel.showPopover();
}

function hide() {
  if (pinned) return show(pinned);
  delete panel.dataset.key;
  panel.hidePopover();
  mark(null);
}

function pin(key) {
  pinned = pinned === key ? null : key;
  panel.querySelector(".close").hidden = !pinned;
  if (pinned) show(pinned);
  else hide();
}

document.addEventListener("mouseover", (event) => {
  const element = mentionAt(event);
  if (element) show(element.dataset.invariant);
});
document.addEventListener("mouseout", (event) => mentionAt(event) && hide());
document.addEventListener("focusin", (event) => {
  const element = mentionAt(event);
  if (element?.matches(":focus-visible")) show(element.dataset.invariant);
});
document.addEventListener("focusout", (event) => mentionAt(event) && hide());
document.addEventListener("click", (event) => {
  const element = mentionAt(event);
  if (element) pin(element.dataset.invariant);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.matches(":popover-open")) {
    pinned = null;
    hide();
  }
  const element = mentionAt(event);
  if (!element) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pin(element.dataset.invariant);
  }
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const svg = element.closest("svg");
  if (!step || !svg) return;
  event.preventDefault();
  const others = [...svg.querySelectorAll("[data-invariant][tabindex]")];
  const next = others[others.indexOf(element) + step];
  if (!next) return;
  element.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
});
// The slider of a figure moves its points to their places at another epoch.

// z as it is drawn, by the place of the curve: linear up to 4, then logarithmic (the transform of matplotlib)
const LINEAR = 4;
const STRETCH = 1.2 / 0.9;
const drawn = (z) => (Math.abs(z) <= LINEAR ? z * STRETCH : Math.sign(z) * LINEAR * (STRETCH + Math.log10(Math.abs(z) / LINEAR)));

async function slide(control) {
  const { epochs, layers } = await contentOf(control.querySelector("script"));
  const [input, output] = control.querySelectorAll("input, output");
  const last = epochs.length - 1;
  const points = new Map([...control.closest("figure").querySelectorAll("svg [data-invariant]")]
    .map((element) => [element.id.replace(/^.*invariant:/, ""), element.querySelector("use")]));
  for (const layer of layers) {
    layer.points = layer.keys.map((key) => points.get(`${layer.name}:${key}`));
    // where the points lie at the last epoch tells the scale of the panel
    const known = layer.keys.map((_, place) => place).filter((place) => layer.points[place] && layer.z[last][place] !== null);
    const values = known.map((place) => layer.z[last][place]);
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => known[values.indexOf(value)]);
    const [bottom, top] = [low, high].map((place) => Number(layer.points[place].getAttribute("y")));
    const [least, most] = [low, high].map((place) => drawn(layer.z[last][place]));
    layer.height = (z) => bottom + ((drawn(z) - least) * (top - bottom)) / (most - least);
  }
  function move() {
    const step = Number(input.value);
    const counts = layers.map((layer) => {
      layer.points.forEach((point, place) => {
        if (!point) return;
        const z = layer.z[step][place];
        point.setAttribute("visibility", z === null ? "hidden" : "visible");
        if (z !== null) point.setAttribute("y", layer.height(z));
      });
      return `${layer.beyond[step]} of ${layer.known[step]} in ${layer.title}`;
    });
    input.setAttribute("aria-valuetext", `epoch ${epochs[step]}`);
    output.textContent = `${epochs[step]}. Beyond 2: ${counts.join(", ")}.`;
    if (panel.dataset.key) mark(panel.dataset.key);
  }
  input.max = last;
  input.value = last;
  move();
  input.addEventListener("input", move);
  addEventListener("beforeprint", () => { // the caption is about the last epoch
    input.value = last;
    move();
  });
  control.hidden = false;
}

document.querySelectorAll(".epochs").forEach(slide);

panel.querySelector(".close").addEventListener("click", () => pin(pinned));
