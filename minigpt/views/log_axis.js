// Logarithmic axes.

/** Round numbers 1, 2, 5, 10, 20, … that lie within low and high; powers of ten alone where those are many. */
export function ticksOf(low, high) {
  const ticks = [];
  const steps = high / low > 1000 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

/** A logarithmic axis: value -> height in the picture, the lowest value at the bottom. */
export function logAxis(low, high, height) {
  const span = Math.log(high / low) || 1;
  return (value) => height * (1 - Math.log(value / low) / span);
}
