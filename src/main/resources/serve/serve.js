"use strict";

/** The page's drawing half: strokes and pictures on the paper, what they are sent as, and what is answered. */

const byId = (id) => document.getElementById(id);
const paper = byId("paper");
const answer = byId("answer");

/** Side of the paper in its own units, and of what is sent at most; the canvas has two pixels for one, for sharp lines. */
const SIDE = 280;

/** Of more classes than this, the most probable are shown. */
const MOST_BARS = 10;

/** Of more units than this, those that say most are shown. */
const MOST_UNITS = 64;

const UNITS_IN_A_ROW = 8;
const STRONGEST = 5;

/** In MNIST a stroke is about a tenth as thick as its digit is high; thicker, and the holes of a small digit close. */
const THICKEST = 0.13;

/** Digits smaller than this are drawn larger for the network, as with a magnifying glass. */
const SMALL = 140;

let model = { classes: [], columns: 28, rows: 28 };
let weights = null;
let latest = null;
const bars = [];

/** What is on the paper: perhaps a picture, and strokes over it, each {width, points: [[x, y], ...]}. */
let picture = null;
let strokes = [];
let pointer = null;
let asking = false;
let changed = false;

async function load() {
  model = await (await fetch("model")).json();
  if (model.isWatched) {
    watchTraining();
  }
  document.querySelector("h1").textContent = model.isTraining ? "Watch it learn" : model.areDigits ? "Draw a digit" : "Draw";
  document.title = document.querySelector("h1").textContent;
  byId("draw").hidden = model.isTraining;
  if (model.isTraining) {
    return;
  }
  for (let i = bars.length; i < Math.min(MOST_BARS, model.classes.length); i++) {
    const name = document.createElement("span");
    const bar = document.createElement("div");
    const track = document.createElement("span");
    track.append(bar);
    const share = document.createElement("span");
    const item = document.createElement("li");
    item.append(name, track, share);
    byId("digits").append(item);
    bars.push({ name, bar, share });
  }
  const longest = Math.max(...model.classes.map((name) => name.length));
  byId("digits").style.setProperty("--name", `${Math.min(16, longest)}ch`);
  if (!model.areLines) {
    byId("how").textContent = "The whole picture, as large as the pictures that it has learned from.";
  } else if (!model.areDigits || model.columns !== 28) {
    byId("how").textContent = "White on black: cut out, and laid in the middle.";
  }
  if (model.hidden.isConvolution) {
    byId("hidden-title").textContent = "What its filters say";
    byId("hidden").setAttribute("aria-label", "the filters of the first layer times their strongest activation");
  }
  if (model.savesDrawings) {
    offerLabels();
  }
  show(null);
  weights = new Int8Array(await (await fetch("weights")).arrayBuffer());
  showUnits();
  showExamples(await (await fetch("examples")).json());
}

/* ---- The paper ---- */

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
}

paper.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button > 0) {
    return;
  }
  pointer = event.pointerId;
  paper.setPointerCapture(pointer);
  strokes.push({ width: Number(byId("pen").value), points: [place(event)] });
  change();
});
paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) {
    return;
  }
  // A fast hand is between two frames in many places.
  const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of all.length > 0 ? all : [event]) {
    strokes[strokes.length - 1].points.push(place(one));
  }
  change();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId === pointer) {
      pointer = null;
    }
  });
}
byId("clear").addEventListener("click", clear);
byId("undo").addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z") {
    event.preventDefault();
    undo();
  }
});

function clear() {
  strokes = [];
  picture = null;
  change();
}

/** Takes the last stroke back, or the picture if there is none. */
function undo() {
  if (strokes.length > 0) {
    strokes.pop();
  } else {
    picture = null;
  }
  change();
}

function change() {
  paint(paper.getContext("2d"), paper.width / SIDE);
  byId("undo").disabled = byId("clear").disabled = isEmpty();
  if (model.savesDrawings) {
    mayLabel(!isEmpty());
  }
  changed = true;
  ask();
}

function isEmpty() {
  return strokes.length === 0 && picture === null;
}

/** Paper, picture and strokes, as they are seen. */
function paint(context, scale) {
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = picture ? picture.ground : "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  if (picture) {
    context.imageSmoothingEnabled = picture.canvas.width > SIDE / 4;
    context.drawImage(picture.canvas, ...picture.box);
  }
  strokes.forEach((stroke) => trace(context, stroke.points, stroke.width, picture && picture.ground === "#000" ? "#fff" : "#000"));
}

/** A line through points, bent from the middle of one to the middle of the next. */
function trace(context, points, width, colour) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = colour;
  context.beginPath();
  if (points.every(([x, y]) => x === points[0][0] && y === points[0][1])) {
    context.arc(...points[0], width / 2, 0, 2 * Math.PI); // a line of no length leaves no ink
    context.fill();
    return;
  }
  context.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
  }
  context.lineTo(...points[points.length - 1]);
  context.stroke();
}

/* ---- Pictures ---- */

byId("file").addEventListener("change", (event) => {
  open(event.target.files[0]);
  event.target.value = "";
});
document.addEventListener("paste", (event) => open([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));
for (const over of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(over, (event) => {
    event.preventDefault();
    paper.classList.toggle("over", over === "dragover");
    if (over === "drop") {
      open(event.dataTransfer.files[0]);
    }
  });
}

/** Lays a picture on the paper. It is decoded here, in the browser: the program gets grey values, never a file. */
async function open(file) {
  if (!file || model.isTraining) {
    return;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (error) {
    answer.textContent = `${file.name} is no picture that this browser can read.`;
    return;
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(scale * bitmap.width));
  canvas.height = Math.max(1, Math.round(scale * bitmap.height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  // What is transparent is paper: white under dark ink, black under light ink.
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  let opaque = 0;
  for (let i = 0; i < data.length; i += 4) {
    ink += luma(data, i) * data[i + 3];
    opaque += 255 * data[i + 3];
  }
  lay(canvas, opaque < 255 * 255 * data.length / 4 && ink > opaque / 2 ? "#000" : "#fff");
}

function lay(canvas, ground) {
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const scale = SIDE / Math.max(canvas.width, canvas.height);
  const [width, height] = [scale * canvas.width, scale * canvas.height];
  picture = { canvas, ground, box: [(SIDE - width) / 2, (SIDE - height) / 2, width, height] };
  strokes = [];
  change();
}

function luma(rgba, i) {
  return 0.299 * rgba[i] + 0.587 * rgba[i + 1] + 0.114 * rgba[i + 2];
}

/** Digits to begin with, on the paper as they are in the set, light on dark. */
function showExamples(examples) {
  byId("examples").replaceChildren(...examples.map((example) => {
    const grey = bytesOf(example.grey);
    const canvas = greyCanvas(grey, 28, 28);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    button.setAttribute("aria-label", `a ${example.label}`);
    button.append(canvas);
    button.addEventListener("click", () => lay(greyCanvas(grey, 28, 28), "#000"));
    return button;
  }));
  byId("begin").hidden = examples.length === 0;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function greyCanvas(grey, columns, rows) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    image.data.set([grey[i], grey[i], grey[i], 255], 4 * i);
  }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
  return canvas;
}

/* ---- Question and answer ---- */

/**
 * What the network is shown: a picture as it is, or strokes as a camera would see them that comes close enough, with a pen that is not
 * too thick for their size.
 */
function toSend() {
  const canvas = document.createElement("canvas");
  let small = false;
  if (picture && strokes.length === 0) {
    canvas.width = picture.canvas.width;
    canvas.height = picture.canvas.height;
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(picture.canvas, 0, 0);
  } else {
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (picture || !model.areLines) {
      paint(context, 1);
    } else {
      small = paintForNetwork(context);
    }
  }
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const grey = new Uint8Array(canvas.width * canvas.height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(luma(data, 4 * i));
  }
  return { grey, width: canvas.width, height: canvas.height, small };
}

/** Returns whether the drawing was so small for its pen that its lines were made thinner. */
function paintForNetwork(context) {
  const xs = strokes.flatMap((stroke) => stroke.points.map(([x]) => x));
  const ys = strokes.flatMap((stroke) => stroke.points.map(([, y]) => y));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const size = Math.max(right - left, bottom - top);
  const scale = size > 0 && size < SMALL ? Math.min(4, SMALL / size) : 1;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  if (scale > 1) {
    context.setTransform(scale, 0, 0, scale, SIDE / 2 - scale * (left + right) / 2, SIDE / 2 - scale * (top + bottom) / 2);
  }
  let isThinner = false;
  for (const { points, width } of strokes) {
    const thickest = size > 0 ? THICKEST * size : width;
    isThinner ||= width > thickest;
    trace(context, points, Math.min(width, thickest), "#000");
  }
  return isThinner;
}

/** One question at a time; what is drawn meanwhile is asked next. */
async function ask() {
  if (asking || !changed) {
    return;
  }
  asking = true;
  changed = false;
  if (isEmpty()) {
    show(null);
  } else {
    try {
      const { grey, width, height, small } = toSend();
      const response = await fetch(`predict?width=${width}&height=${height}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: grey });
      const result = await response.json();
      if (!changed || !isEmpty()) {
        show(response.ok ? result : null);
        if (response.ok) {
          answer.textContent = `It is ${result.class} (${percent(result.probabilities[result.label])})${result.unsure ? `, unsure: ${result.unsure}` : ""}.${small && result.unsure ? " Draw it larger, or with a thinner pen." : ""}`;
        } else {
          answer.textContent = result.error;
        }
      }
    } catch (error) {
      answer.textContent = "The program does not answer any more.";
    }
  }
  asking = false;
  ask();
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Shows an answer, or that there is none. */
function show(result) {
  latest = result;
  if (result === null) {
    const nothing = document.createElement("span");
    nothing.className = "faint";
    nothing.textContent = "Nothing is drawn yet.";
    answer.replaceChildren(nothing);
  }
  const seen = byId("seen");
  const grey = result ? result.seen.map((value) => Math.round(255 * value)) : new Array(model.columns * model.rows).fill(0);
  seen.width = model.columns;
  seen.height = model.rows;
  seen.getContext("2d").drawImage(greyCanvas(grey, model.columns, model.rows), 0, 0);
  const probabilities = result ? result.probabilities : [];
  const order = model.classes.map((_, label) => label);
  if (order.length > MOST_BARS) {
    order.sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0));
  }
  bars.forEach(({ name, bar, share }, i) => {
    const probability = probabilities[order[i]];
    name.textContent = model.classes[order[i]];
    bar.style.width = probability === undefined ? "0" : `${100 * probability}%`;
    share.textContent = probability === undefined ? "" : percent(probability);
  });
  showUnits();
}

/* ---- Hidden units ---- */

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Weights as a picture of their own: one colour for those that speak for a unit, one for those against it, the fuller the more.
 *
 * @param strength from 0 to 1, of all of them
 */
function unitCanvas(bytes, unit, columns, rows, strength) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const colours = [style("--against"), style("--for")].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const image = new ImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    const weight = bytes[unit * columns * rows + i];
    image.data.set([...colours[weight > 0 ? 1 : 0], 2 * Math.abs(weight) * strength], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Units side by side, in frames. */
function unitGrid(canvas, units, draw) {
  const tile = 28;
  const step = tile + 4;
  const perRow = units.length > UNITS_IN_A_ROW / 2 ? UNITS_IN_A_ROW : Math.max(1, units.length);
  canvas.width = perRow * step;
  canvas.height = Math.max(1, Math.ceil(units.length / perRow)) * step;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.strokeStyle = style("--line");
  units.forEach((unit, i) => {
    const [x, y] = [(i % perRow) * step + 2, Math.floor(i / perRow) * step + 2];
    context.drawImage(draw(unit), x, y, tile, tile);
    context.strokeRect(x - 0.5, y - 0.5, tile + 1, tile + 1);
  });
}

function showUnits() {
  const why = byId("why");
  why.hidden = true;
  if (weights === null) {
    return;
  }
  const { units, columns, rows, isConvolution } = model.hidden;
  const known = weights.length / (columns * rows);
  const activations = latest ? latest.hidden : new Array(units).fill(0);
  const adds = latest ? latest.adds : null;
  const says = (unit) => (adds ? Math.abs(adds[unit]) : activations[unit]);
  const order = Array.from({ length: known }, (_, unit) => unit);
  const strongest = [...order].sort((a, b) => says(b) - says(a));
  const shown = units > MOST_UNITS ? strongest.slice(0, MOST_UNITS) : order;
  const most = Math.max(1e-9, ...activations);
  const draw = (unit) => unitCanvas(weights, unit, columns, rows, activations[unit] / most);
  unitGrid(byId("hidden"), shown, draw);
  const word = isConvolution ? "filter" : "unit";
  byId("units").textContent = `Each square is a ${word}'s weights, the fuller the more active it is: blue pixels speak for it, orange ones against it.`
    + (shown.length < units ? ` These are the ${shown.length} of ${known < units ? `the first ${known} of ` : ""}${units} that say most.` : "");
  if (!latest) {
    return;
  }
  why.hidden = false;
  byId("strongest-title").textContent = `The ${Math.min(STRONGEST, known)} strongest ${word}s`;
  byId("strongest").replaceChildren(...strongest.slice(0, STRONGEST).map((unit) => {
    const item = document.createElement("li");
    item.className = "unit";
    const name = document.createElement("span");
    name.textContent = `${word} ${unit}`;
    const value = document.createElement("span");
    value.textContent = adds
      ? `${adds[unit] < 0 ? "takes" : "adds"} ${Math.abs(adds[unit]).toFixed(1)} ${adds[unit] < 0 ? "from" : "to"} ${latest.class}`
      : `says ${activations[unit].toFixed(2)}`;
    item.append(draw(unit), name, value);
    return item;
  }));
  byId("sum").textContent = adds
    ? `All ${units} together add ${adds.reduce((sum, value) => sum + value, 0).toFixed(1)} to the score of ${latest.class}; the scores of all classes become the shares above.`
    : "";
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showUnits);

/* ---- Corrections ---- */

function offerLabels() {
  const classes = byId("classes");
  if (classes.childElementCount > 0) {
    return;
  }
  byId("correct").hidden = false;
  if (model.classes.length <= 12) {
    model.classes.forEach((name, label) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => save(label));
      classes.append(button);
    });
  } else {
    const select = document.createElement("select");
    select.setAttribute("aria-label", "class");
    model.classes.forEach((name, label) => select.append(new Option(name, label)));
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Save";
    button.addEventListener("click", () => save(Number(select.value)));
    classes.append(select, button);
  }
  mayLabel(false);
}

function mayLabel(may) {
  byId("classes").querySelectorAll("button").forEach((button) => { button.disabled = !may; });
  byId("saved").textContent = "Saves the drawing with this label.";
}

async function save(label) {
  mayLabel(false); // once
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  paint(context, 1);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const grey = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(luma(data, 4 * i));
  }
  try {
    const response = await fetch(`drawings?label=${label}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: grey });
    const result = await response.json();
    byId("saved").textContent = response.ok ? `Saved as ${result.class}: ${result.file}` : result.error;
  } catch (error) {
    byId("saved").textContent = "The program does not answer any more.";
  }
}

byId("undo").disabled = byId("clear").disabled = true;
paint(paper.getContext("2d"), paper.width / SIDE);
window.addEventListener("DOMContentLoaded", load);
