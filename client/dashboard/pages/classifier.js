// The interval classifier: is an electrocardiogram abnormal, judged from its measurements alone.

import { get, post } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { form } from "../shared/form.js";
import { fill } from "../shared/message.js";
import { table } from "../shared/table.js";
import { contributions, fields, verdict } from "../upload/classifier.js";

/** Open the page. */
export function open(root) {
  const [asked, answer] = [make("section", { class: "panel" }), make("section", { class: "panel verdict-page", "aria-live": "polite", "aria-label": "Verdict" })];
  answer.append(make("p", { class: "empty" }, "The verdict comes here."));
  root.append(make("h1", {}, "Interval classifier"), make("div", { class: "two" }, asked, answer));
  fill(asked, async () => {
    const { models } = await get("/v1/model/info");
    const model = models.find(({ name }) => name === "interval");
    const names = new Map(model.inputs.map(({ name, description }) => [name, description]));
    const submit = async (values) => answer.replaceChildren(...shown(await post("/v1/predict?contributions=true", values), names));
    const judging = form({ fields: fields(model.inputs), button: "Judge", submit: async (values) => void (await submit(values)) });
    return [make("p", { class: "dim" }, `${model.task}. Not a medical device.`), judging, make("p", { class: "dim" }, `Model ${model.id}`)];
  });
  return {};
}

function shown(answer, names) {
  const { words, label, against, missing, share } = verdict(answer, names);
  const bar = make("span", { class: "meter wide" });
  bar.style.setProperty("--share", share);
  const columns = [
    { title: "Measurement", cell: ({ name }) => name },
    { title: "Points", class: "number", cell: ({ value }) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}` },
    { title: "To normal or abnormal", cell: ({ value }) => pull(value) },
  ];
  const base = answer.predictions[0].contributions.base;
  return [
    make("p", { class: `outcome ${label}` }, make("strong", {}, words)),
    bar,
    make("p", {}, against),
    table(`What each measurement adds to ${(100 * base).toFixed(1)} %, in points of a hundred`, columns, contributions(answer, names)),
    make("p", { class: "dim" }, missing.length ? `Not given: ${missing.join(", ")}.` : "Every measurement was given."),
  ];
}

/** A bar to the left for normal, to the right for abnormal. */
function pull(value) {
  const bar = make("span", { class: `pull ${value < 0 ? "normal" : "abnormal"}`, role: "img", "aria-label": value < 0 ? "to normal" : "to abnormal" });
  bar.style.setProperty("--share", Math.min(1, Math.abs(value) / 50));
  return bar;
}
