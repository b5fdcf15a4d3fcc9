
const { facts, classes } = data;
const word = data.areDigits ? "digit" : "class";
const measured = { loss: numbers(data.valLoss), accuracy: numbers(data.valAcc), training: numbers(data.trainLoss) };
const hiddenSizes = (data.configuration["hidden-size"] ?? "").split(",");
const MOST_CELLS = 20;
const MOST_CONFUSIONS = 40;
const MORE = 24;

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

function network() {
  if (facts.model === "cnn") {
    return "A convolutional network";
  }
  const sizes = hiddenSizes.map((size) => count(Number(size)));
  return sizes.length === 1
    ? `A feed-forward network with one hidden layer of ${plural(Number(hiddenSizes[0]), "unit", "units")}`
    : `A feed-forward network with hidden layers of ${sizes.slice(0, -1).join(", ")} and ${sizes.at(-1)} units`;
}

function summary() {
  const share = percent(data.correct / data.size, 2);
  const epochs = data.valLoss.length - 1;
  document.title = `${share} right: a training run`;
  byId("title").textContent = `${count(data.correct)} of ${count(data.size)} held-out ${data.areDigits ? "digits" : "images"} are recognized`;
  byId("summary").textContent = `${network()}, trained for ${plural(epochs, "epoch", "epochs")} on ${plural(facts.trainSize, "image", "images")}`
    + ` and tested on ${count(data.size)} others, which were held out.`;
  const done = facts.epochs === epochs ? "" : `, of the last ${plural(facts.epochs, "epoch", "epochs")}`;
  strip(
    ["Accuracy", share, `val_acc ${fixed(measured.accuracy.at(-1))}`],
    ["Parameters", count(facts.parameters), "weights and biases"],
    ["Training", facts.epochs === 0 ? "–" : `${facts.training_seconds.toFixed(1)} s`,
      facts.epochs === 0 ? "every epoch was done before" : `and ${facts.evaluation_seconds.toFixed(1)} s of evaluation${done}`],
    ["Seed", facts.seed, `${data.configuration.optimizer}, ${data.configuration.schedule}`],
    ["LibTorch", facts.libtorch, facts.blas]);
  byId("guessing").textContent = fixed(Math.log(classes.length), 2);
}

function curves() {
  view.epoch = measured.loss.length - 1;
  chart(byId("losses"), { name: "Loss", rates: data.lr, series: [
    { name: "training", kind: "train", offset: -0.5, values: [undefined, ...measured.training] },
    { name: "validation", kind: "val", offset: 0, values: measured.loss }] });
  chart(byId("accuracies"), { name: "Accuracy", rates: data.lr, isShare: true, series: [
    { name: "validation", kind: "val", offset: 0, values: measured.accuracy }] });
  switches(byId("switches"));
  byId("numbers").append(table(["epoch", "learning rate", "training loss", "val_loss", "val_acc"],
    measured.loss.map((loss, epoch) => [epoch === 0 ? "before" : String(epoch), epoch === 0 ? "" : short(data.lr[epoch - 1]),
      epoch === 0 ? "" : fixed(measured.training[epoch - 1]), fixed(loss), fixed(measured.accuracy[epoch])])));
}

// What the page has of an image stands at one place of several lists.

const all = data.labels.map((_, i) => i);
const isRight = (i) => data.labels[i] === data.answers[i];
const shownClasses = (i) => data.top?.[i] ?? classes.map((_, label) => label);
const sureness = (i) => data.probabilities[i][shownClasses(i).indexOf(data.answers[i])] / 1e4;
const sure = (share) => share < 0 ? "nan" : percent(share);
const reading = (i) => isRight(i) ? classes[data.labels[i]] : `${classes[data.labels[i]]}, not ${classes[data.answers[i]]}`;
const bySureness = (a, b) => sureness(b) - sureness(a) || a - b;
const imageKind = () => data.sheet.isInk ? "ink" : "as it is";

/** A button with an image, which opens it as one of some. */
function tile(images, at) {
  const i = images[at];
  const button = el("button", { type: "button" }, picture(data.sheet, i, 56, imageKind()),
    el("span", { className: isRight(i) ? "right" : "wrong" }, reading(i)), el("span", { className: "faint" }, sure(sureness(i))));
  button.addEventListener("click", () => openImages(images, at));
  return el("li", {}, button);
}

function tiles(holder, images) {
  holder.append(...images.map((_, at) => tile(images, at)));
}

function mistakes() {
  const wrong = all.filter((i) => !isRight(i)).sort(bySureness);
  const holder = byId("mistake-tiles");
  let shown = 0;
  const more = () => {
    holder.append(...wrong.slice(shown, shown + MORE).map((_, at) => tile(wrong, shown + at)));
    shown = Math.min(wrong.length, shown + MORE);
    byId("more").hidden = shown === wrong.length;
    byId("more").textContent = `Show more (${shown} of ${count(data.mistakes)}${wrong.length < data.mistakes ? `, of which ${wrong.length} are in this page` : ""})`;
  };
  more();
  byId("more").addEventListener("click", more);
  if (wrong.length === 0) {
    holder.append(el("li", {}, "No mistakes."));
  }
  tiles(byId("sample-tiles"), all.slice(0, data.samples));
}

// The confusion matrix.

function ofCell(label, answer) {
  return all.filter((i) => data.labels[i] === label && data.answers[i] === answer).sort((a, b) => label === answer ? bySureness(b, a) : bySureness(a, b));
}

/** Opens the images of a cell, as many as the page has. */
function openCell(label, answer, images, number) {
  const which = label === answer ? "the least sure of" : "the surest of";
  openImages(images, 0, `${classes[label]}, read as ${classes[answer]}: ${images.length < number ? `${images.length} images, ${which} ` : ""}${count(number)}`);
}

function matrix() {
  byId("confusion").textContent = `Which ${word} is taken for which`;
  byId("by-class").firstElementChild.textContent = data.areDigits ? "Digit by digit" : "Class by class";
  const most = [1, 1]; // wrong, right
  data.confusion.forEach(([label, answer, number]) => {
    most[Number(label === answer)] = Math.max(most[Number(label === answer)], number);
  });
  if (classes.length > MOST_CELLS) {
    confusions();
  } else {
    grid(most);
  }
  byId("by-class").append(table([word, "images", "recognized", "share"], classes.map((name, label) => {
    const row = data.confusion.filter((cell) => cell[0] === label);
    const size = row.reduce((sum, cell) => sum + cell[2], 0);
    const right = row.find((cell) => cell[1] === label)?.[2] ?? 0;
    return [name, count(size), count(right), size === 0 ? "" : percent(right / size)];
  })));
}

function grid(most) {
  const cells = new Map(data.confusion.map(([label, answer, number]) => [`${label} ${answer}`, number]));
  const buttons = new Map();
  const cell = (label, answer) => {
    const number = cells.get(`${label} ${answer}`);
    if (number === undefined) {
      return el("td");
    }
    const right = label === answer;
    const images = ofCell(label, answer);
    const button = el("button", { type: "button", tabIndex: buttons.size === 0 ? 0 : -1,
      "aria-label": `${classes[label]}, read as ${classes[answer]}: ${count(number)}` }, String(number));
    painted(button, () => {
      const strength = right ? 0.25 + 0.75 * number / most[1] : 0.2 + 0.8 * number / most[0];
      const ground = mix(colours.ground, right ? colours.good : colours.bad, strength).map(Math.round);
      button.style.background = `rgb(${ground})`;
      button.style.color = luminance(ground) > 0.179 ? "#000" : "#fff";
    });
    button.disabled = images.length === 0;
    button.addEventListener("click", () => openCell(label, answer, images, number));
    buttons.set(`${label} ${answer}`, button);
    return el("td", {}, button);
  };
  const body = el("tbody", {}, ...classes.map((name, label) =>
    el("tr", {}, el("th", { scope: "row" }, name), ...classes.map((_, answer) => cell(label, answer)))));
  body.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const here = [...buttons].find(([, button]) => button === event.target)?.[0].split(" ").map(Number);
    if (step === undefined || here === undefined) {
      return;
    }
    event.preventDefault();
    for (let [row, column] = here; ;) {
      row += step[0];
      column += step[1];
      if (Math.min(row, column) < 0 || Math.max(row, column) >= classes.length) {
        return;
      }
      const there = buttons.get(`${row} ${column}`);
      if (there !== undefined && !there.disabled) {
        event.target.tabIndex = -1;
        there.tabIndex = 0;
        there.focus();
        return;
      }
    }
  });
  byId("matrix").append(el("table", { className: "matrix" },
    el("thead", {}, el("tr", {}, el("td"), ...classes.map((name) => el("th", { scope: "col" }, name)))), body));
}

/** Of WCAG, by which black and white have the same contrast at 0.179. */
function luminance(colour) {
  const [red, green, blue] = colour.map((value) => value / 255).map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Of many classes, what is most often taken for what. */
function confusions() {
  byId("confusion-words").firstChild.textContent = "These are taken for each other most often, of all the pairs of classes there are. Open one to see its images. ";
  const wrong = data.confusion.filter(([label, answer]) => label !== answer).sort((a, b) => b[2] - a[2]).slice(0, MOST_CONFUSIONS);
  byId("matrix").append(el("ul", { className: "tiles" }, ...wrong.map(([label, answer, number]) => {
    const images = ofCell(label, answer);
    const button = el("button", { type: "button", disabled: images.length === 0 },
      el("span", { className: "wrong" }, `${classes[label]}, read as ${classes[answer]}`), el("span", { className: "faint" }, number === 1 ? "once" : `${count(number)} times`));
    button.addEventListener("click", () => openCell(label, answer, images, number));
    return el("li", {}, button);
  })));
}

// The units of the first layer.

function firstLayer() {
  const { units } = data;
  const name = units.filters ? "filter" : "unit";
  if (units.filters) {
    byId("units").textContent = "What the filters look for";
    byId("units-words").firstChild.textContent = "A filter is laid over every place of the image and adds up what it sees there: ink on blue pixels speaks for it, ink on orange ones against it. The weights were random before training; these pictures are what training made of them. ";
  }
  if (units.shown < units.count) {
    byId("units").textContent += `: the first ${units.shown} of ${count(units.count)}`;
  } else if (hiddenSizes.length > 1) {
    byId("units").textContent += ": the first layer";
  }
  byId("unit-tiles").append(...units.units.slice(0, units.shown).map((unit, i) => {
    const votes = units.for.length === 0 ? [] : [el("span", { className: "right" }, `for ${classes[units.for[i]]}`), el("span", { className: "wrong" }, `against ${classes[units.against[i]]}`)];
    return el("li", {}, el("figure", {}, picture(units, i, 64, "signed"), el("span", { className: "faint" }, `${name} ${unit}`), ...votes));
  }));
}

// One image: its probabilities, and what spoke for the answer.

const opened = { images: [], at: 0, title: "" };

function openImages(images, at, title = "") {
  Object.assign(opened, { images, at, title });
  showOpened();
  if (!byId("opened").open) {
    byId("opened").showModal();
  }
}

function showOpened() {
  const i = opened.images[opened.at];
  const [label, answer] = [classes[data.labels[i]], classes[data.answers[i]]];
  byId("opened-title").textContent = opened.title === "" ? (isRight(i) ? `${label}, read right` : `${label}, read as ${answer}`) : opened.title;
  byId("place").textContent = `${opened.at + 1} of ${opened.images.length}`;
  byId("previous").disabled = opened.at === 0;
  byId("next").disabled = opened.at === opened.images.length - 1;
  byId("opened-body").replaceChildren(
    el("div", {}, picture(data.sheet, i, 168, imageKind()), el("small", {}, `held-out image ${count(data.positions[i])}`), ...evidence(i)),
    el("div", {}, el("h3", {}, "How sure it is"), shares(i)),
    el("div", {}, el("h3", {}, `What spoke for ${answer}`), ...spoke(i, label, answer)));
}

function evidence(i) {
  return data.evidence === undefined ? [] : [el("p", {}), picture(data.evidence, i, 168, "signed"),
    el("small", {}, `blue: where it spoke for ${classes[data.answers[i]]}`)];
}

function shares(i) {
  return el("ol", { className: "shares" }, ...shownClasses(i).map((label, at) => {
    const share = data.probabilities[i][at] / 1e4;
    const kind = label === data.labels[i] ? "right" : label === data.answers[i] ? "wrong" : "";
    const bar = el("b", { className: kind === "right" ? "" : "wrong" });
    bar.style.width = percent(Math.max(0, share), 2).replace(" ", "");
    return el("li", {}, el("span", { className: kind }, classes[label]), el("span", { className: "track" }, bar), el("span", {}, sure(share)));
  }));
}

const signed = (x) => `${x < 0 ? "−" : "+"}${fixed(Math.abs(x), 2)}`;

function spoke(i, label, answer) {
  const numbersOf = numbers(data.spoke[i]);
  const isMap = data.evidence !== undefined;
  const pictures = !isMap && data.units.for.length > 0 ? data.units.units : [];
  const name = isMap ? "feature map" : hiddenSizes.length > 1 ? "unit of the last hidden layer" : "unit";
  const rows = [];
  let sum = 0;
  for (let at = 0; at < numbersOf.length; at += 4) {
    const [unit, activation, adds, addsToLabel] = numbersOf.slice(at, at + 4);
    sum += adds;
    const place = pictures.indexOf(unit);
    rows.push(el("li", {}, place < 0 ? el("span") : picture(data.units, place, 48, "signed"),
      el("span", {}, `${name} ${unit} adds `, el("strong", {}, signed(adds)), ` to ${answer}`, ...(isRight(i) ? [] : [`, and ${signed(addsToLabel)} to ${label}`]),
        el("br"), el("small", {}, isMap ? `its strongest activation is ${fixed(activation, 2)}` : `activation ${fixed(activation, 2)} × weight ${signed(adds / activation)}`))));
  }
  return [el("ul", { className: "units" }, ...rows),
    el("p", {}, rows.length === 0 ? "Nothing did." : `Together that is ${signed(sum)}. With all the others and the bias the score of ${answer} is ${signed(Number(data.scores[i]))}; the class with the highest score is the answer.`)];
}

function turn(by) {
  const to = opened.at + by;
  if (to >= 0 && to < opened.images.length) {
    opened.at = to;
    showOpened();
  }
}

byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
byId("close").addEventListener("click", () => byId("opened").close());
byId("opened").addEventListener("click", (event) => event.target === event.currentTarget && event.currentTarget.close());
byId("opened").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by !== undefined) {
    turn(by);
  }
});

async function draw() {
  summary();
  curves();
  byId("command").textContent = data.command;
  byId("configuration").append(table(["option", "value"], Object.entries(data.configuration)));
  byId("environment").append(table(["fact", "value"], Object.entries(data.environment)));
  await Promise.all([data.sheet, data.units, data.evidence].filter((sheet) => sheet !== undefined).map(load));
  matrix();
  mistakes();
  firstLayer();
}

/** Of the page, for who waits until it is whole. */
const drawn = draw();
