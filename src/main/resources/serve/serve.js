"use strict";

const paper = document.getElementById("paper");
const pen = paper.getContext("2d", { willReadFrequently: true });
const answer = document.getElementById("answer");
const bars = [];
let drawing = false;
let asking = false;
let changed = false;

/** Of more classes than this, the most probable are shown. */
const MOST_BARS = 10;

let model = { classes: [], columns: 28 };

async function load() {
  model = await (await fetch("model")).json();
  for (let i = 0; i < Math.min(MOST_BARS, model.classes.length); i++) {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("div");
    const track = document.createElement("span");
    track.append(bar);
    const share = document.createElement("span");
    item.append(name, track, share);
    document.getElementById("digits").append(item);
    bars.push({ name, bar, share });
  }
  const longest = Math.max(...model.classes.map((name) => name.length));
  document.getElementById("digits").style.setProperty("--name", `${Math.min(16, longest)}ch`);
  if (!model.areDigits) {
    document.title = document.querySelector("h1").textContent = "Draw";
    document.getElementById("how").hidden = true;
  }
  clear();
}

function clear() {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, paper.width, paper.height);
  show({ seen: [], hidden: [], probabilities: [] });
  answer.textContent = "";
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) * paper.width / box.width, (event.clientY - box.top) * paper.height / box.height];
}

paper.addEventListener("pointerdown", (event) => {
  drawing = true;
  paper.setPointerCapture(event.pointerId);
  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#000";
  // A line of no length leaves no ink.
  pen.beginPath();
  pen.arc(...place(event), pen.lineWidth / 2, 0, 2 * Math.PI);
  pen.fillStyle = pen.strokeStyle;
  pen.fill();
  pen.beginPath();
  pen.moveTo(...place(event));
  stroke(event);
});
paper.addEventListener("pointermove", (event) => drawing && stroke(event));
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => { drawing = false; });
}
document.getElementById("clear").addEventListener("click", clear);

function stroke(event) {
  pen.lineTo(...place(event));
  pen.stroke();
  changed = true;
  ask();
}

/** One question at a time; what is drawn meanwhile is asked next. */
async function ask() {
  if (asking || !changed) {
    return;
  }
  asking = true;
  changed = false;
  try {
    const rgba = pen.getImageData(0, 0, paper.width, paper.height).data;
    const grey = new Uint8Array(paper.width * paper.height);
    for (let i = 0; i < grey.length; i++) {
      grey[i] = rgba[4 * i];
    }
    const response = await fetch("predict", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: grey });
    const result = await response.json();
    if (response.ok) {
      show(result);
      answer.textContent = `It is ${result.class} (${(100 * result.probabilities[result.label]).toFixed(1)} %)${result.unsure ? `, unsure: ${result.unsure}` : ""}.`;
    } else {
      answer.textContent = result.error;
    }
  } catch (error) {
    answer.textContent = "The program does not answer any more.";
  }
  asking = false;
  ask();
}

function show(result) {
  tiles(document.getElementById("seen"), result.seen, model.columns);
  tiles(document.getElementById("hidden"), result.hidden, result.hidden.length > 8 ? 8 : 4);
  const order = model.classes.map((_, label) => label);
  if (order.length > MOST_BARS) {
    order.sort((a, b) => (result.probabilities[b] ?? 0) - (result.probabilities[a] ?? 0));
  }
  bars.forEach(({ name, bar, share }, i) => {
    const probability = result.probabilities[order[i]];
    name.textContent = model.classes[order[i]];
    bar.style.width = probability === undefined ? "0" : `${100 * probability}%`;
    share.textContent = probability === undefined ? "" : `${(100 * probability).toFixed(1)} %`;
  });
}

/** Numbers as squares, white for 0 and black for the largest. */
function tiles(canvas, values, columns) {
  canvas.width = columns;
  canvas.height = Math.max(1, Math.ceil(values.length / columns));
  const context = canvas.getContext("2d");
  const largest = Math.max(1e-9, ...values);
  values.forEach((value, i) => {
    const grey = Math.round(255 * (1 - value / largest));
    context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    context.fillRect(i % columns, Math.floor(i / columns), 1, 1);
  });
}

load();
