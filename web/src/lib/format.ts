/** Numbers as people read them. NaN and null are "–": could not judge. */

export function percent(p: number | null | undefined, digits = 0): string {
  if (p === null || p === undefined || !Number.isFinite(p)) return "–";
  if (p > 0 && p < 0.5 / 10 ** (digits + 2)) return `<${digits ? "0.1" : "1"} %`;
  return `${(100 * p).toFixed(digits)} %`;
}

export function number(x: number | string | null | undefined, digits = 2): string {
  if (x === "inf") return "∞";
  if (typeof x !== "number" || Number.isNaN(x)) return "–";
  return Number.isFinite(x) ? x.toFixed(digits) : x > 0 ? "∞" : "-∞";
}

export const count = (n: number): string => n.toLocaleString("en-US");

/** One line, cut to `longest` characters. */
export function line(text: string, longest: number): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length <= longest ? flat : `${flat.slice(0, longest - 1)}…`;
}

export function ago(iso: string, now = Date.now()): string {
  const minutes = Math.round((now - Date.parse(iso)) / 60_000);
  if (Number.isNaN(minutes)) return iso;
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 60 * 36) return `${Math.round(minutes / 60)} h ago`;
  return iso.slice(0, 10);
}

export function seconds(s: number | null | undefined): string {
  if (s === null || s === undefined) return "–";
  if (s < 1e-3) return `${(1e6 * s).toFixed(1)} µs`;
  if (s < 1) return `${(1e3 * s).toFixed(1)} ms`;
  return `${s.toFixed(1)} s`;
}
