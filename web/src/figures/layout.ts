/** Where the boxes of a tree of chains go: a column a step, heights are odds. No numbers are made here. */
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
