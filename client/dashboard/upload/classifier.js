// The form of the interval classifier, from what the server says of its inputs, and its answer in words. Pure.

/** The fields of the form; `inputs` of GET /v1/model/info. What has no limits there is a choice. */
export function fields(inputs) {
  return inputs.map(({ name, unit = "", description, low, high, required = true }) => {
    const label = `${description}${unit && `, ${unit}`}${required ? "" : " (optional)"}`;
    if (name === "Gender") return { name, label: "Sex", value: "F", options: [["F", "F"], ["M", "M"]] };
    return { name, label, type: "number", min: low, max: high, step: "any", required, placeholder: `${low} to ${high}` };
  });
}

/** { words, share, missing } of the first prediction; `names`: input → words. */
export function verdict({ predictions: [found], threshold }, names) {
  return {
    share: found.probability,
    label: found.label,
    words: `${(100 * found.probability).toFixed(1)} % abnormal`,
    against: `${found.label}: the threshold is ${Math.round(100 * threshold)} %`,
    missing: found.missing.map((name) => names.get(name) ?? name),
  };
}

/** [{ name, value }] of the contributions, the largest first, in per cent points. */
export function contributions({ predictions: [found] }, names) {
  const pairs = Object.entries(found.contributions?.inputs ?? {});
  return pairs.map(([name, value]) => ({ name: names.get(name) ?? name, value: 100 * value })).sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}
