// Axes of curves drawn as SVG.

/** About `n` round numbers between low and high. */
export function ticksBetween(low, high, n = 4) {
  const raw = (high - low) / n;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((one) => one * power >= raw) ?? 10);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-9); k++) ticks.push(Number((k * step).toPrecision(6)));
  return ticks;
}

/** A number as short as an axis wants it: 12,000, 0.0006, 1e-5. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return size > 0 && size < 1e-4 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
}

/** Points of a line, broken where nothing was measured: SVG's path data. */
export function pathOf(xs, ys) {
  let pen = "M";
  return xs
    .map((x, k) => {
      if (ys[k] === null) return (pen = "M") && "";
      const part = `${pen}${x.toFixed(1)},${ys[k].toFixed(1)}`;
      pen = "L";
      return part;
    })
    .join("");
}
