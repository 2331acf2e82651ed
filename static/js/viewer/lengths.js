// Lengths measured on images, each kept with the image it was drawn on.
const SVG = "http://www.w3.org/2000/svg";

export class Lengths {
  #lines = new Map(); // by image, lists of {from, to}

  constructor(drawing, placement, words) {
    this.drawing = drawing;
    this.placement = placement;
    this.words = words;
  }

  begin(image, point) {
    const line = { from: point, to: point };
    this.#of(image).push(line);
    return line;
  }

  removeLast(image) {
    this.#of(image).pop();
  }

  clear() {
    this.#lines.clear();
  }

  // In mm by the size of a pixel where the image tells it, else in pixels; and by what.
  told({ from, to }, facts) {
    const across = (to.x - from.x) * facts.columns;
    const down = (to.y - from.y) * facts.rows;
    const [by, height, width] = this.#spacing([from, to], facts);
    if (!width) return { length: `${Math.hypot(across, down).toFixed(0)} px`, by: this.words.by[by] };
    return { length: `${Math.hypot(across * width, down * height).toFixed(1)} mm`, by: this.words.by[by] };
  }

  // Of an image with calibrated regions, as ultrasound has them, that of the one which holds both ends.
  #spacing(ends, { rows, columns, regions, spacing }) {
    if (!regions.length) return spacing ?? ["none"];
    const isIn = ([left, top, right, bottom], { x, y }) => x * columns >= left && x * columns <= right + 1 && y * rows >= top && y * rows <= bottom + 1;
    const found = regions.find((region) => ends.every((end) => isIn(region, end)));
    return found ? ["region", found[4], found[5]] : ["outside"];
  }

  draw(image, picture, facts) {
    const parts = facts?.columns && picture ? this.#of(image).flatMap((line) => this.#drawn(line, picture, facts)) : [];
    this.drawing.replaceChildren(...parts);
  }

  #drawn(line, picture, facts) {
    const [from, to] = [line.from, line.to].map((point) => this.placement.toStage(point, picture));
    const stroke = element("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y });
    const ends = [from, to].map(({ x, y }) => element("circle", { cx: x, cy: y, r: 3 }));
    const label = element("text", { x: to.x + 8, y: to.y - 8 });
    const { length, by } = this.told(line, facts);
    const isPlain = [this.words.by.PixelSpacing, this.words.by.region].includes(by);
    label.textContent = isPlain ? length : `${length}, ${by}`;
    return [stroke, ...ends, label];
  }

  #of(image) {
    if (!this.#lines.has(image)) this.#lines.set(image, []);
    return this.#lines.get(image);
  }
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
