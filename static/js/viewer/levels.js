// The window (center and width, in the image's own units). While it is dragged, the picture that is there is stretched to look
// about right; the exact one is made by the server once the drag rests.
const ACROSS = 300; // pixels of a drag that change by one width

export class Levels {
  chosen = ""; // "" for the image's own, a name, or "center,width", as addresses have it

  constructor(stage, named) {
    this.stage = stage;
    this.named = named;
  }

  // Center and width by which an image is shown; null where it has none, as colours, or where that is not known yet.
  shown(facts) {
    if (facts && !facts.window) return null;
    if (!this.chosen) return facts?.window ?? null;
    return this.named[this.chosen] ?? this.chosen.split(",").map(Number);
  }

  // What comes of dragging from a window by so many pixels.
  static dragged([center, width], x, y) {
    return [center + (y * width) / ACROSS, Math.max(1, width * Math.exp(x / ACROSS))];
  }

  choose([center, width]) {
    const digits = width < 20 ? 2 : 0;
    this.chosen = [center, width].map((each) => Number(each.toFixed(digits))).join(",");
  }

  // Stretch a picture made for the window `from` so that it looks as if made for `to`.
  stretch(from, to, isInverse) {
    const slope = from[1] / to[1];
    const start = (from[0] - from[1] / 2 - to[0] + to[1] / 2) / to[1];
    for (const each of this.stage.querySelectorAll("[type=linear]")) {
      each.setAttribute("slope", slope);
      each.setAttribute("intercept", isInverse ? 1 - slope - start : start);
    }
    this.stage.classList.add("is-stretched");
  }

  rest() {
    this.stage.classList.remove("is-stretched");
  }
}
