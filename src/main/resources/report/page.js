"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = new DOMParser().parseFromString("<svg>", "text/html").querySelector("svg").namespaceURI;

/** An element with properties or attributes, and with what is in it. */
function el(tag, properties, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name in element) {
      element[name] = value;
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...content);
  return element;
}

function svg(tag, attributes, ...content) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...content);
  return element;
}

const byId = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en");

/** Python's f"{x:.4f}": of a number just between two it takes the even one, where toFixed takes the larger. */
function fixed(x, digits = 4) {
  if (!Number.isFinite(x)) {
    return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  }
  if (Math.abs(x) >= 1e6) {
    return x.toExponential(digits);
  }
  const text = x.toFixed(digits);
  const isBetween = /^50*$/.test(x.toFixed(80).split(".")[1].slice(digits));
  return isBetween && "13579".includes(text.at(-1)) ? (Number(text) - 10 ** -digits).toFixed(digits) : text;
}

/** A table of text and numbers; the first column names the rows. */
function table(head, rows) {
  const isNumber = (text) => /^([-\d.,%\s]|before|nan|inf|e[-+])*$/.test(text);
  const numbers = head.map((_, i) => rows.every((row) => isNumber(row[i])));
  return el("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": head.join(", ") }, el("table", {},
    el("thead", {}, el("tr", {}, ...head.map((name, i) => el("th", { scope: "col", className: numbers[i] ? "number" : "" }, name)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((text, i) => {
      const cell = el(i === 0 ? "th" : "td", { className: numbers[i] ? "number" : "" }, text);
      if (i === 0) {
        cell.scope = "row";
      }
      return cell;
    }))))));
}

/** The strip on top: name, value and a line of explanation. */
function strip(...facts) {
  byId("strip").append(...facts.map(([name, value, more]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, more)))));
}

// Colours follow the scheme of the reader: what draws them in pixels draws again when it changes.

const colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "ground", "good", "bad"]) {
    const hex = style.getPropertyValue(`--${name}`).trim();
    colours[name] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
}

const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

function painted(element, paint) {
  element.paint = paint;
  element.classList.add("painted");
  paint();
  return element;
}

readColours();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  document.querySelectorAll(".painted").forEach((element) => element.paint());
});

/** Lets the browser decode the images of a sheet. */
async function load(sheet) {
  sheet.image = new Image();
  sheet.image.src = `data:image/png;base64,${sheet.png}`;
  await sheet.image.decode();
}

/** An image of a sheet: ink, signed numbers (blue and orange), or as it is. Its words are those of what is around it. */
function picture(sheet, index, width, kind) {
  const canvas = el("canvas", { width: sheet.width, height: sheet.height, "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${width * sheet.height / sheet.width}px`;
  return painted(canvas, () => {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const left = index % sheet.columns * sheet.width;
    const top = Math.floor(index / sheet.columns) * sheet.height;
    context.drawImage(sheet.image, left, top, sheet.width, sheet.height, 0, 0, sheet.width, sheet.height);
    if (kind === "as it is") {
      return;
    }
    const pixels = context.getImageData(0, 0, sheet.width, sheet.height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const value = pixels.data[i];
      // Ink on no ground; 128 is no weight, and 4 and 252 are the largest ones.
      pixels.data.set(kind === "ink"
        ? [...colours.ink, value]
        : [...(value < 128 ? colours.bad : colours.good), Math.abs(value - 128) / 124 * 255], i);
    }
    context.putImageData(pixels, 0, 0);
  });
}

// Curves by epoch. All charts of a page have one cursor, one range and one kind of axis.

const HEIGHT = 250;
const MARGIN = { left: 52, right: 14, top: 20, bottom: 36 };
const MOST_DOTS = 40;
const view = { log: false, zoom: true, epoch: 0 };
const charts = [];

/** Steps of 1, 2 or 5 times a power of ten, about so many of them. */
function niceStep(span, about) {
  const power = 10 ** Math.floor(Math.log10(span / about));
  return power * [1, 2, 5, 10].find((digit) => digit * power * about >= span * 0.999);
}

const short = (x) => String(Number(x.toPrecision(6)));

function linearTicks(low, high, about, least = 0) {
  const step = Math.max(least, niceStep(high - low, about));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push([i * step, Math.max(Math.abs(low), Math.abs(high)) < 1e5 && digits < 6 ? (i * step).toFixed(digits) : short(i * step)]);
  }
  return ticks;
}

/** 1, 2 and 5 times powers of ten, or 1 minus such. */
function logTicks(low, high, isDistance) {
  const ticks = [];
  for (let power = -12; power <= 12; power++) {
    for (const digit of [1, 2, 5]) {
      const value = isDistance ? 1 - digit * 10 ** power : digit * 10 ** power;
      if (value >= low && value <= high) {
        ticks.push([value, short(value), digit]);
      }
    }
  }
  return ticks.length < 3 ? linearTicks(low, high, 4) : ticks.length > 9 ? ticks.filter(([, , digit]) => digit === 1) : ticks;
}

/**
 * Adds a chart.
 *
 * @param name what is drawn
 * @param series of {name, kind, offset, values}: a value for each epoch, drawn at the epoch plus the offset
 * @param rates learning rate of each epoch, the first of which is 1
 * @param isShare whether the best is 1: then the log axis is of the distance to it
 */
function chart(holder, { name, series, rates, isShare = false }) {
  const last = Math.max(1, ...series.map((one) => one.values.length - 1));
  const surface = svg("svg", { role: "slider", tabindex: 0, "aria-label": `${name} by epoch`, "aria-valuemax": last });
  const readout = el("p", { className: "readout" });
  holder.classList.add("chart");
  holder.replaceChildren(surface, readout);
  const one = { name, series, rates, isShare, last, holder, surface, readout };
  const at = (event) => {
    const box = surface.getBoundingClientRect();
    moveTo(Math.round(one.epochAt(event.clientX - box.left)));
  };
  surface.addEventListener("pointermove", at);
  surface.addEventListener("pointerdown", at);
  surface.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: view.epoch - 1, ArrowDown: view.epoch - 1, ArrowRight: view.epoch + 1, ArrowUp: view.epoch + 1,
      PageDown: view.epoch - 10, PageUp: view.epoch + 10, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      moveTo(to);
    }
  });
  charts.push(one);
  return one;
}

const firstEpoch = (one) => view.zoom && one.last > 1 ? 1 : 0;

function moveTo(epoch) {
  view.epoch = epoch;
  charts.forEach(drawCursor);
}

function drawCharts() {
  charts.forEach(drawChart);
}

function drawChart(one) {
  const width = Math.max(200, one.holder.clientWidth);
  const begin = firstEpoch(one) === 1 ? 0.5 : 0;
  const span = one.last - begin;
  const x = (epoch) => MARGIN.left + (epoch - begin) / span * (width - MARGIN.left - MARGIN.right);
  one.epochAt = (left) => begin + (left - MARGIN.left) / (width - MARGIN.left - MARGIN.right) * span;

  const scale = !view.log ? (value) => value
    : one.isShare ? (value) => -Math.log10(Math.max(1e-5, 1 - value)) : (value) => Math.log10(value);
  const shown = one.series.flatMap(({ values, offset }) => values
    .filter((value, epoch) => epoch + offset >= begin && Number.isFinite(value) && Number.isFinite(scale(value))));
  let low = Math.min(...shown);
  let high = Math.max(...shown);
  if (shown.length === 0 || low === high) {
    low = shown.length === 0 ? 0 : low - Math.abs(low) / 10;
    high = shown.length === 0 ? 1 : high + Math.abs(high) / 10 + (high === 0 ? 1 : 0);
  }
  const bottom = HEIGHT - MARGIN.bottom;
  const [from, to] = [scale(low), scale(high)];
  const room = 0.05 * (to - from);
  const y = (value) => bottom - (scale(value) - from + room) / (to - from + 2 * room) * (bottom - MARGIN.top);

  const parts = [];
  for (const [value, text] of view.log ? logTicks(low, high, one.isShare) : linearTicks(low, high, 5)) {
    parts.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  for (const [epoch, text] of linearTicks(begin, one.last, Math.min(10, width / 50), 1)) {
    parts.push(svg("text", { x: x(epoch), y: bottom + 16, "text-anchor": "middle" }, text));
  }
  parts.push(svg("text", { x: (MARGIN.left + width - MARGIN.right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"));

  let free = 0;
  one.rates.forEach((rate, i) => {
    if (i > 0 && rate === one.rates[i - 1]) {
      return;
    }
    const place = Math.max(x(i), MARGIN.left);
    if (i > 0) {
      parts.push(svg("line", { class: "rate", x1: place, x2: place, y1: MARGIN.top - 14, y2: bottom }));
    }
    const text = `lr ${short(rate)}`;
    if (place >= free && place + 7 * text.length < width) {
      parts.push(svg("text", { x: place + (i > 0 ? 4 : 0), y: MARGIN.top - 8 }, text));
      free = place + 7 * text.length + 8;
    }
  });

  for (const { kind, offset, values } of one.series) {
    let line = "";
    let isPen = false;
    values.forEach((value, epoch) => {
      const isThere = epoch + offset >= begin && Number.isFinite(value) && Number.isFinite(scale(value));
      if (isThere) {
        line += `${isPen ? "L" : "M"}${x(epoch + offset).toFixed(1)} ${y(value).toFixed(1)}`;
        if (values.length <= MOST_DOTS) {
          parts.push(svg("circle", { class: kind, r: kind === "val" ? 3 : 2, cx: x(epoch + offset), cy: y(value) }));
        }
      }
      isPen = isThere;
    });
    parts.push(svg("path", { class: kind, d: line }));
  }
  one.cursor = svg("g", {});
  one.drawing = { x, y, bottom };
  one.surface.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  one.surface.replaceChildren(...parts, one.cursor);
  drawCursor(one);
}

function drawCursor(one) {
  const least = firstEpoch(one);
  const epoch = Math.max(least, Math.min(one.last, view.epoch));
  view.epoch = epoch;
  const { x, y, bottom } = one.drawing;
  const dots = [];
  const words = [["", epoch === 0 ? "before training" : `epoch ${epoch}`]];
  if (epoch > 0 && one.rates[epoch - 1] !== undefined) {
    words.push(["", `learning rate ${short(one.rates[epoch - 1])}`]);
  }
  for (const { name, kind, offset, values } of one.series) {
    const value = values[epoch];
    if (value !== undefined) {
      words.push([kind, `${name} ${fixed(value)}`]);
      if (Number.isFinite(y(value))) {
        dots.push(svg("circle", { class: kind, r: 5, cx: x(epoch + offset), cy: y(value) }));
      }
    }
  }
  one.cursor.replaceChildren(svg("line", { class: "cursor", x1: x(epoch), x2: x(epoch), y1: MARGIN.top, y2: bottom }), ...dots);
  one.readout.replaceChildren(...words.map(([kind, text]) => el("span", {}, ...(kind === "" ? [] : [el("i", { className: kind })]), text)));
  one.surface.setAttribute("aria-valuemin", least);
  one.surface.setAttribute("aria-valuenow", epoch);
  one.surface.setAttribute("aria-valuetext", words.map(([, text]) => text).join(", "));
}

/** Axis and range, for all charts; of one epoch, there is one range. */
function switches(holder) {
  const choice = (title, name, ...values) => {
    const set = el("fieldset", {}, el("legend", {}, title));
    values.forEach(([text, value]) => {
      const input = el("input", { type: "radio", name, checked: view[name] === value });
      input.addEventListener("change", () => {
        view[name] = value;
        drawCharts();
      });
      set.append(el("label", {}, input, ` ${text}`));
    });
    return set;
  };
  holder.append(choice("Axis", "log", ["linear", false], ["log", true]));
  if (charts.some((one) => one.last > 1)) {
    holder.append(choice("Range", "zoom", ["after the first epoch", true], ["all", false]));
  }
  new ResizeObserver(drawCharts).observe(document.querySelector("main"));
  drawCharts();
}

/** A number that JSON has no word for is a string there. */
const numbers = (values) => values.map(Number);
