/** Where the boxes of a tree of chains go: a column a step, heights are odds. No numbers are made here. */
import { hierarchy, partition } from "d3-hierarchy";
import type { Branch } from "../api/types";

export interface Box {
  key: string;
  /** -1 is "something else". */
  theme: number;
  probability: number;
  path: number[];
  /** 1 is the next theme. */
  level: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Keys of the neighbours, for the arrow keys. */
  up?: string | undefined;
  down?: string | undefined;
  left?: string | undefined;
  right?: string | undefined;
}

interface Node {
  theme: number;
  probability: number;
  kids: Node[];
}

const REST = 0.005;

function withRest(kids: Branch[], rest: number): Node[] {
  const own = kids.map((k) => ({ theme: k.theme, probability: k.probability, kids: withRest(k.children, k.rest) }));
  return kids.length && rest >= REST ? [...own, { theme: -1, probability: rest, kids: [] }] : own;
}

export function boxes(tree: Branch[], rest: number, steps: number, width: number, height: number, gap = 6): Box[] {
  const root = hierarchy<Node>({ theme: -2, probability: 1, kids: withRest(tree, rest) }, (n) => n.kids);
  root.each((n) => ((n as { value: number }).value = n.data.probability));
  const column = (width + gap) / steps;
  const placed = partition<Node>().size([height, 1])(root);
  const found = placed.descendants().filter((n) => n.depth > 0);
  const places = (n: (typeof found)[number]) => n.ancestors().map((a) => a.parent?.children?.indexOf(a) ?? 0);
  const names = new Map(found.map((n) => [n, places(n).reverse().slice(1).join(".")]));
  const key = (n: (typeof found)[number] | null | undefined) => (n ? names.get(n) : undefined);
  const byDepth = new Map<number, typeof found>();
  for (const n of found) byDepth.set(n.depth, [...(byDepth.get(n.depth) ?? []), n]);
  return found.map((n) => {
    const row = byDepth.get(n.depth)!;
    const at = row.indexOf(n);
    return {
      key: names.get(n)!,
      theme: n.data.theme,
      probability: n.data.probability,
      path: n.ancestors().map((a) => a.data.theme).reverse().slice(1),
      level: n.depth,
      x: (n.depth - 1) * column,
      y: n.x0,
      width: column - gap,
      height: Math.max(1, n.x1 - n.x0 - 2),
      up: key(row[at - 1]),
      down: key(row[at + 1]),
      left: key(n.parent),
      right: key(n.children?.[0]),
    };
  });
}
