// Where the picture is on the stage: fitted into its middle, then enlarged and moved. Points of a picture are fractions of its
// width and height, so that they stay where they are whatever its size.
const LARGEST = 16;
export const within = (value, least, most) => Math.min(Math.max(value, least), most);

export class Placement {
  scale = 1;
  x = 0;
  y = 0;

  constructor(stage, changed) {
    this.stage = stage;
    this.changed = changed;
  }

  move(x, y) {
    this.x += x;
    this.y += y;
    this.#place();
  }

  // Enlarge around a point of the stage, by default its middle.
  zoom(factor, at = { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 }) {
    const scale = within(this.scale * factor, 1, LARGEST);
    const ratio = scale / this.scale;
    const left = at.x - this.stage.clientWidth / 2;
    const top = at.y - this.stage.clientHeight / 2;
    this.x = left - (left - this.x) * ratio;
    this.y = top - (top - this.y) * ratio;
    this.scale = scale;
    this.#place();
  }

  reset() {
    this.scale = 1;
    this.x = this.y = 0;
    this.#place();
  }

  toPicture(at, picture) {
    const { width, height } = this.#shown(picture);
    return {
      x: (at.x - this.stage.clientWidth / 2 - this.x) / width + 0.5,
      y: (at.y - this.stage.clientHeight / 2 - this.y) / height + 0.5,
    };
  }

  toStage(point, picture) {
    const { width, height } = this.#shown(picture);
    return {
      x: (point.x - 0.5) * width + this.x + this.stage.clientWidth / 2,
      y: (point.y - 0.5) * height + this.y + this.stage.clientHeight / 2,
    };
  }

  get transform() {
    return `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  #shown({ naturalWidth, naturalHeight }) {
    const fit = Math.min(this.stage.clientWidth / naturalWidth, this.stage.clientHeight / naturalHeight) * this.scale;
    return { width: naturalWidth * fit, height: naturalHeight * fit };
  }

  #place() {
    const reach = (side) => ((this.scale - 1) * side) / 2;
    this.x = within(this.x, -reach(this.stage.clientWidth), reach(this.stage.clientWidth));
    this.y = within(this.y, -reach(this.stage.clientHeight), reach(this.stage.clientHeight));
    this.changed();
  }
}
