/** A straight axis: round numbers between two ends, and where they lie. */

export interface Scale {
  (x: number): number;
  ticks: number[];
}

export function scale(low: number, high: number, from: number, to: number, wanted = 5): Scale {
  const span = high - low || 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power;
  const ticks: number[] = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9 * span; t += step) ticks.push(Number(t.toPrecision(12)));
  return Object.assign((x: number) => from + ((x - low) / span) * (to - from), { ticks });
}
