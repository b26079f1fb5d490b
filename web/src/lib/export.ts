/** A figure as a file: SVG with every style written into it, PNG at twice the size, CSV of its numbers. */

const KEPT = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor", "dominant-baseline", "visibility",
];

export type Cell = string | number | null;

/** A copy of the picture that looks the same anywhere. */
function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const from = [svg, ...svg.querySelectorAll<SVGElement>("*")];
  const to = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      if (value) to[i]!.setAttribute(name, value);
    }
    for (const name of ["class", "style", "tabindex"]) to[i]!.removeAttribute(name);
  });
  const { width, height } = svg.getBoundingClientRect();
  const comments = document.createTreeWalker(copy, NodeFilter.SHOW_COMMENT);
  for (let at = comments.nextNode(); at; at = comments.nextNode()) at.nodeValue = "";
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  const textures = document.getElementById("textures");
  if (textures) copy.prepend(textures.cloneNode(true));
  for (const path of copy.querySelectorAll("pattern path")) {
    path.removeAttribute("class");
    for (const [name, value] of Object.entries({ stroke: "#1a1a1a", "stroke-opacity": "0.35", fill: "none" })) path.setAttribute(name, value);
  }
  return copy;
}

const text = (svg: SVGSVGElement): string => new XMLSerializer().serializeToString(standalone(svg));

function save(data: Blob, name: string): void {
  const address = URL.createObjectURL(data);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function saveSvg(svg: SVGSVGElement, name: string): void {
  save(new Blob([text(svg)], { type: "image/svg+xml" }), `${name}.svg`);
}

export async function savePng(svg: SVGSVGElement, name: string): Promise<void> {
  const { width, height } = svg.getBoundingClientRect();
  const address = URL.createObjectURL(new Blob([text(svg)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const data = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (data) save(data, `${name}.png`);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** A cell for a spreadsheet. Text that a spreadsheet would run as a formula is quoted with an apostrophe. */
function cell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(rows: Cell[][]): string {
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export function saveCsv(rows: Cell[][], name: string): void {
  save(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }), `${name}.csv`);
}
