"use strict";

/** The page's other half: how a training goes, as the program tells it by server-sent events. */

const WIDTH = 360;
const HEIGHT = 180;
const EDGE = { left: 34, right: 6, top: 8, bottom: 22 };
const SMOOTHED = 25;

let stream = null;
let run = null;
let training = fresh();
let unshown = null;

/** A new connection is told everything from the beginning. */
function fresh() {
  return { losses: [], live: [], stride: 1, firstStep: 0, step: 0, exactSteps: 0, loss: null, epochs: [], sample: null, weights: null, predicted: null };
}

function watchTraining() {
  if (stream !== null) {
    return;
  }
  byId("watch").hidden = false;
  stream = new EventSource("events");
  stream.onopen = () => { training = fresh(); };
  stream.onmessage = (event) => take(JSON.parse(event.data));
  stream.onerror = () => { byId("status").textContent = "The program does not answer; its terminal says why."; };
}

function take(news) {
  run = news.run ?? run;
  if (news.losses) {
    training.losses.length = news.losses.from;
    training.losses.push(...news.losses.values);
    training.stride = news.losses.stride;
    training.firstStep = news.losses.firstStep;
  }
  if (news.step !== undefined) {
    training.step = news.step;
    training.exactSteps = news.exactSteps;
    training.live = training.live.filter(([step]) => step > news.exactSteps);
    if (news.loss !== null && news.step > news.exactSteps) {
      training.live.push([news.step, news.loss]);
    }
    training.loss = news.loss ?? training.loss;
  }
  training.epochs.push(...(news.epochs ?? []));
  if (news.sample) {
    training.sample = { grey: bytesOf(news.sample.grey), labels: news.sample.labels };
  }
  if (news.weights) {
    training.weights = { ...news.weights, bytes: new Int8Array(bytesOf(news.weights.bytes).buffer) };
    training.predicted = news.predicted;
  }
  // A page that nobody looks at is given no frames, and what it would show is overtaken meanwhile.
  if (unshown === null) {
    requestAnimationFrame(() => {
      const all = unshown;
      unshown = null;
      showTraining(all);
    });
  }
  unshown = { ...unshown, ...news };
  if (news.done) {
    stream.close();
    load();
  }
}

function showTraining(news) {
  if (run === null) {
    return;
  }
  const all = run.epochs * run.stepsPerEpoch;
  const last = training.epochs[training.epochs.length - 1];
  const accuracy = last && last.valAcc !== null ? ` Accuracy ${percent(last.valAcc)}.` : "";
  byId("progress").value = all === 0 ? 1 : training.step / all;
  byId("status").textContent = news.done
    ? `Done: ${run.epochs} epochs, ${training.step.toLocaleString("en")} steps.${accuracy}`
    : `Epoch ${Math.min(run.epochs, Math.floor(training.step / run.stepsPerEpoch) + 1)} of ${run.epochs}, step ${training.step.toLocaleString("en")} of ${all.toLocaleString("en")}.`
      + (training.loss === null ? "" : ` Loss ${training.loss.toFixed(3)}.`) + accuracy;
  showLoss(all);
  if (news.epochs) {
    showAccuracy();
    showEpochs();
  }
  if (news.sample) {
    makeSample();
  }
  if (news.weights) {
    showWeights();
    showMistakes();
  }
}

/* ---- Charts ---- */

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.textContent = text ?? "";
  return element;
}

/** Axes with their ends named; returns where numbers are. */
function axes(chart, xs, ys, format) {
  const x = (value) => EDGE.left + (value - xs[0]) / Math.max(1e-9, xs[1] - xs[0]) * (WIDTH - EDGE.left - EDGE.right);
  const y = (value) => HEIGHT - EDGE.bottom - (value - ys[0]) / Math.max(1e-9, ys[1] - ys[0]) * (HEIGHT - EDGE.top - EDGE.bottom);
  chart.replaceChildren(
    svg("line", { class: "axis", x1: x(xs[0]), x2: x(xs[1]), y1: y(ys[0]), y2: y(ys[0]) }),
    svg("line", { class: "axis", x1: x(xs[0]), x2: x(xs[0]), y1: y(ys[0]), y2: y(ys[1]) }),
    svg("text", { x: x(xs[0]), y: HEIGHT - 6 }, xs[0].toLocaleString("en")),
    svg("text", { x: x(xs[1]), y: HEIGHT - 6, "text-anchor": "end" }, xs[1].toLocaleString("en")),
    svg("text", { x: EDGE.left - 4, y: y(ys[0]), "text-anchor": "end" }, format(ys[0])),
    svg("text", { x: EDGE.left - 4, y: y(ys[1]) + 8, "text-anchor": "end" }, format(ys[1])));
  return { x, y };
}

const line = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

function showLoss(all) {
  const { stride, firstStep } = training;
  const points = training.losses.map((loss, i) => [firstStep + (i + 0.5) * stride, loss]).concat(training.live).filter(([, loss]) => loss !== null);
  if (points.length === 0) {
    return;
  }
  const top = points.reduce((most, [, loss]) => Math.max(most, loss), 0);
  const { x, y } = axes(byId("loss"), [0, Math.max(all, 1)], [0, Math.ceil(10 * top) / 10], (value) => value.toFixed(1));
  const drawn = points.map(([step, loss]) => [x(step), y(loss)]);
  let mean = points[0][1];
  const smooth = points.map(([step, loss], i) => {
    mean += (loss - mean) / Math.min(i + 1, SMOOTHED);
    return [x(step), y(mean)];
  });
  byId("loss").append(svg("polyline", { class: "raw", points: line(drawn) }), svg("polyline", { class: "smooth", points: line(smooth) }));
}

function showAccuracy() {
  const points = training.epochs.filter((epoch) => epoch.valAcc !== null).map((epoch) => [epoch.epoch, epoch.valAcc]);
  if (points.length === 0) {
    return;
  }
  // The first value is that of random weights; the others would be one line with it.
  const least = points.length > 2 ? Math.min(...points.slice(1).map(([, accuracy]) => accuracy)) : 0;
  const bottom = Math.max(0, Math.floor(20 * least - 0.5) / 20);
  const { x, y } = axes(byId("accuracy"), [0, Math.max(1, run.epochs)], [bottom, 1], (value) => `${Math.round(100 * value)} %`);
  const drawn = points.filter(([, accuracy]) => accuracy >= bottom).map(([epoch, accuracy]) => [x(epoch), y(accuracy)]);
  if (drawn.length === 0) {
    return;
  }
  byId("accuracy").append(svg("polyline", { class: "accuracy", points: line(drawn) }), ...drawn.map(([cx, cy]) => svg("circle", { class: "dot", cx, cy, r: 3 })));
  const [end, last] = [drawn[drawn.length - 1], points[points.length - 1]];
  byId("accuracy").append(svg("text", { x: end[0], y: end[1] + 18, "text-anchor": last[0] > run.epochs / 2 ? "end" : "start" }, percent(last[1])));
}

function showEpochs() {
  const number = (value, digits) => (value === null ? "" : value.toFixed(digits));
  byId("epochs").replaceChildren(...training.epochs.map((epoch) => {
    const row = document.createElement("tr");
    const cells = [epoch.epoch, epoch.learningRate ?? "", number(epoch.trainLoss, 4), number(epoch.valLoss, 4), epoch.valAcc === null ? "" : percent(epoch.valAcc)];
    row.append(...cells.map((cell) => {
      const data = document.createElement("td");
      data.textContent = cell;
      return data;
    }));
    return row;
  }));
}

/* ---- Pictures ---- */

function showWeights() {
  const { units, columns, rows, bytes, isConvolution } = training.weights;
  const shown = bytes.length / (columns * rows);
  unitGrid(byId("weights"), Array.from({ length: shown }, (_, unit) => unit), (unit) => unitCanvas(bytes, unit, columns, rows, 1));
  const word = isConvolution ? "filter" : "unit";
  byId("weights-title").textContent = `What the ${isConvolution ? "filters" : "hidden units"} look for`;
  byId("weights-note").textContent = `Each square is a ${word}'s weights: blue pixels speak for it, orange ones against it.`
    + (shown < units ? ` These are the first ${shown} of ${units}.` : "");
}

function makeSample() {
  const { grey, labels } = training.sample;
  const size = run.columns * run.rows;
  byId("sample").replaceChildren(...labels.map((label, i) => {
    const item = document.createElement("li");
    item.className = "image";
    item.append(greyCanvas(grey.subarray(i * size, (i + 1) * size), run.columns, run.rows));
    return item;
  }));
}

/** Those that are taken for something else stand out, with what they are taken for. */
function showMistakes() {
  const { labels } = training.sample;
  let wrong = 0;
  [...byId("sample").children].forEach((item, i) => {
    const predicted = training.predicted[i];
    const isRight = predicted === labels[i];
    wrong += isRight ? 0 : 1;
    item.className = `image ${isRight ? "right" : "wrong"}`;
    item.querySelector("span")?.remove();
    item.firstChild.setAttribute("role", "img");
    item.firstChild.setAttribute("aria-label", isRight ? `a ${run.classes[labels[i]]}` : `a ${run.classes[labels[i]]}, taken for ${run.classes[predicted]}`);
    if (!isRight) {
      const name = document.createElement("span");
      name.textContent = run.classes[predicted].slice(0, 8);
      name.setAttribute("aria-hidden", "true");
      item.append(name);
    }
  });
  byId("mistakes").textContent = `${wrong} of ${labels.length} held-out images are taken for something else:`;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => training.weights && showWeights());
