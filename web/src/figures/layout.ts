/** Where the boxes of a tree of chains go, and those of a flow: a column a step, heights are odds. */
import type { Branch, Chain } from "../api/types";

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

const REST = 0.005;

export function boxes(tree: Branch[], rest: number, steps: number, width: number, height: number, gap = 6): Box[] {
  const column = (width + gap) / steps;
  const found: Box[] = [];
  const last: Box[] = []; // the lowest box of each column so far

  function put(theme: number, probability: number, above: number, parent: Box | null, index: number): Box {
    const level = (parent?.level ?? 0) + 1;
    const box: Box = {
      key: parent ? `${parent.key}.${index}` : String(index),
      theme,
      probability,
      path: [...(parent?.path ?? []), theme],
      level,
      x: (level - 1) * column,
      y: above * height,
      width: column - gap,
      height: Math.max(1, probability * height - 2),
      up: last[level]?.key,
      left: parent?.key,
    };
    if (last[level]) last[level].down = box.key;
    last[level] = box;
    if (parent && index === 0) parent.right = box.key;
    found.push(box);
    return box;
  }

  function grow(branches: Branch[], left: number, above: number, parent: Box | null): void {
    branches.forEach((branch, i) => {
      grow(branch.children, branch.rest, above, put(branch.theme, branch.probability, above, parent, i));
      above += branch.probability;
    });
    if (branches.length && left >= REST) put(-1, left, above, parent, branches.length);
  }

  grow(tree, rest, 0, null);
  return found;
}

export interface Node {
  step: number;
  /** -1 is "something else". */
  theme: number;
  probability: number;
  x: number;
  y: number;
  height: number;
}

export interface Link {
  from: Node;
  to: Node;
  probability: number;
  /** Middles of its two ends, and how thick it is. */
  y0: number;
  y1: number;
  width: number;
}

/** Every theme once a step, the likeliest on top; what no listed chain says flows through "something else". */
export function flow(chains: Chain[], odds: number[][], least: number, width: number, height: number, thick = 10, gap = 8): { nodes: Node[]; links: Link[] } {
  const columns = odds.map((row, step) => {
    const shown = row.map((probability, theme) => ({ theme, probability })).filter((n) => n.probability >= least).sort((a, b) => b.probability - a.probability);
    const rest = 1 - shown.reduce((sum, n) => sum + n.probability, 0);
    if (rest > 1e-4) shown.push({ theme: -1, probability: rest });
    return shown.map((n): Node => ({ ...n, step, x: odds.length > 1 ? (step * (width - thick)) / (odds.length - 1) : 0, y: 0, height: 0 }));
  });
  const room = height - gap * (Math.max(...columns.map((c) => c.length)) - 1);
  for (const column of columns) {
    let above = 0;
    for (const node of column) {
      node.y = above;
      node.height = node.probability * room;
      above += node.height + gap;
    }
  }
  const node = (step: number, theme: number) => columns[step]!.find((n) => n.theme === theme) ?? columns[step]!.at(-1)!;
  const between = new Map<Node, Map<Node, number>>();
  for (const chain of chains)
    for (let h = 0; h + 1 < Math.min(chain.themes.length, odds.length); h++) {
      const [from, to] = [node(h, chain.themes[h]!), node(h + 1, chain.themes[h + 1]!)];
      if (!between.has(from)) between.set(from, new Map());
      between.get(from)!.set(to, (between.get(from)!.get(to) ?? 0) + chain.probability);
    }
  const nodes = columns.flat();
  const links: Link[] = [];
  const into = new Map<Node, number>();
  for (const from of nodes) {
    let out = 0;
    for (const to of nodes) {
      const probability = between.get(from)?.get(to) ?? 0;
      if (probability <= 1e-4) continue;
      const thickness = probability * room;
      const arrived = into.get(to) ?? 0;
      links.push({ from, to, probability, width: thickness, y0: from.y + out + thickness / 2, y1: to.y + arrived + thickness / 2 });
      out += thickness;
      into.set(to, arrived + thickness);
    }
  }
  return { nodes, links };
}
