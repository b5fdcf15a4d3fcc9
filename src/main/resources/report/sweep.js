
const { runs, rows, compared } = data;
const PERCENTS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const ENDS = 14;
const DOTS = 22;
const choices = [];

/** The mistakes in per cent; none at all is drawn where the axis ends. */
const mistakes = (accuracy) => Math.max(PERCENTS[0], 100 * (1 - accuracy));
const accuracies = (run) => numbers(run.valAcc).slice(1);
const nameOf = (row) => compared.map((name, i) => `${name} ${row.values[i]}`).join(", ") || "all the same";
const seedOf = (row, run) => row.runs.length === 1 ? "" : `seed ${run.options.seed} `;

/** Learning rate of each epoch. */
const ratesOf = (run) => run.options.schedule.split(",").flatMap((phase) => {
  const [epochs, rate] = phase.split("@").map(Number);
  return Array(epochs).fill(rate);
});

function summary() {
  const best = runs[data.best];
  const failed = runs.filter((run) => run.failed !== null).length;
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  byId("title").textContent = `${count(runs.length)} ${runs.length === 1 ? "run" : "runs"}, compared`;
  document.title = byId("title").textContent;
  byId("summary").textContent = compared.length === 0 ? "They differ in nothing but their seed." : `They differ in ${compared.join(", ")}.`;
  strip(
    ["Best accuracy", best === undefined ? "–" : fixed(Number(best.valAcc.at(-1))), best === undefined ? "no run came to its end" : "val_acc at the end"],
    ["Runs", `${count(runs.length)} of ${count(data.planned)}`, failed === 0 ? "none failed" : `${count(failed)} failed`],
    ["Time", `${seconds.toFixed(1)} s`, "of all runs together"],
    ["Seed", [...new Set(runs.map((run) => run.options.seed))].join(", "), "of the split, the weights and the batches"],
    ["LibTorch", data.libtorch, data.blas]);
  byId("best").hidden = best === undefined;
  if (best === undefined) {
    byId("best-words").textContent = "No run came to its end. Lower learning rates or smaller sizes may help.";
    byId("command").remove();
  } else {
    byId("best-words").textContent = `The weights of the run with the highest val_acc, ${fixed(Number(best.valAcc.at(-1)))} with seed ${best.options.seed}, are in ${data.weights} beside this page: predict, serve and evaluate take it as --model. This command trains the first row again, and writes a report of it:`;
    byId("command").textContent = `java -jar mnist-libtorch.jar ${data.command}`;
  }
}

function comparison() {
  const all = runs.flatMap(accuracies).map(mistakes);
  const ceiling = PERCENTS.find((tick) => tick >= Math.max(1, ...all)) ?? 100;
  const low = Math.min(PERCENTS.findLast((tick) => tick <= Math.min(100, ...all)) ?? PERCENTS[0], ceiling / 10);
  for (const row of rows) {
    const dots = svg("svg", { height: DOTS, "aria-hidden": "true" });
    const result = row.accuracies.length === 0 ? [] : [el("span", { className: "number" }, fixed(row.accuracy))];
    const trouble = row.trouble === "" ? [] : [el("span", { className: "wrong" }, row.trouble)];
    const button = el("button", { type: "button", "aria-pressed": "false" }, el("span", {}, nameOf(row)), dots, el("span", {}, ...result, " ", ...trouble));
    button.addEventListener("click", () => choose(row));
    choices.push({ row, button, dots });
    byId("rows").append(el("li", {}, button));
  }
  const axis = svg("svg", { height: 20 });
  byId("axis").append(axis);
  byId("axis").classList.add("chart");
  const drawRows = () => {
    const width = choices[0].dots.clientWidth;
    const x = (percents) => ENDS + (width - 2 * ENDS) * Math.log(percents / low) / Math.log(ceiling / low);
    const ticks = PERCENTS.filter((tick) => tick >= low && tick <= ceiling);
    const line = (tick) => svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 0, y2: DOTS });
    for (const { row, dots } of choices) {
      const ended = row.runs.map((i) => runs[i]).filter((run) => run.failed === null).map((run) => [run, accuracies(run)]);
      dots.setAttribute("viewBox", `0 0 ${width} ${DOTS}`);
      dots.replaceChildren(...ticks.map(line),
        ...ended.flatMap(([, shares]) => shares.map((share) => svg("circle", { class: "faint", r: 2, cx: x(mistakes(share)), cy: DOTS / 2 }))),
        ...ended.map(([run, shares]) => svg("circle", { r: 5, cx: x(mistakes(shares.at(-1))), cy: DOTS / 2 },
          svg("title", {}, `${seedOf(row, run)}val_acc ${fixed(shares.at(-1))}`))));
    }
    const left = choices[0].dots.getBoundingClientRect().left - byId("axis").getBoundingClientRect().left;
    axis.style.width = `${width}px`;
    axis.style.marginLeft = `${left}px`;
    axis.setAttribute("viewBox", `0 0 ${width} 20`);
    axis.replaceChildren(...ticks.map((tick) => svg("text", { x: x(tick), y: 14, "text-anchor": "middle" }, width / ticks.length > 36 || tick === low || tick === ceiling ? `${tick} %` : "")));
  };
  new ResizeObserver(drawRows).observe(document.querySelector("main"));
  drawRows();
}

function choose(row) {
  choices.forEach((choice) => choice.button.setAttribute("aria-pressed", String(choice.row === row)));
  byId("learned").textContent = `How it learned: ${nameOf(row)}`;
  charts.length = 0;
  const own = row.runs.map((i) => runs[i]);
  const rates = ratesOf(own[0]);
  view.epoch = rates.length;
  chart(byId("losses"), { name: "Loss", rates, series: own.flatMap((run) => [
    { name: `${seedOf(row, run)}training`, kind: "train", offset: -0.5, values: [undefined, ...numbers(run.trainLoss)] },
    { name: `${seedOf(row, run)}validation`, kind: "val", offset: 0, values: numbers(run.valLoss) }]) });
  chart(byId("accuracies"), { name: "Accuracy", rates, isShare: true, series: own.map((run) =>
    ({ name: `${seedOf(row, run)}validation`, kind: "val", offset: 0, values: numbers(run.valAcc) })) });
  drawCharts();
}

async function draw() {
  summary();
  comparison();
  choose(rows[0]);
  switches(byId("switches"));
  const options = Object.keys(runs[0].options).filter((name) => name === "seed" || compared.includes(name));
  byId("table").append(table(["run", ...options, "seconds", "val_loss", "val_acc", "result"], runs.map((run, i) => [
    String(i + 1), ...options.map((name) => run.options[name]), run.seconds.toFixed(1),
    run.failed === null ? fixed(Number(run.valLoss.at(-1))) : "", run.failed === null ? fixed(Number(run.valAcc.at(-1))) : "",
    run.failed ?? (i === data.best ? `the best, in ${data.weights}` : "")])));
}

/** Of the page, for who waits until it is whole. */
const drawn = draw();
