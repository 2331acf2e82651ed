// Shows the images of a series: turned by keys, wheel, slider and drag; windowed, enlarged, moved and measured. Without it the
// links lead from one to the next.
import { gestures } from "./viewer/gestures.js";
import { Lengths } from "./viewer/lengths.js";
import { Levels } from "./viewer/levels.js";
import { Pictures } from "./viewer/pictures.js";
import { Placement, within } from "./viewer/placement.js";

const viewer = document.querySelector("[data-viewer]");
const part = (name) => viewer.querySelector(`[data-viewer-${name}]`);
const told = (name) => JSON.parse(document.getElementById(`viewer-${name}`).textContent);
const { frames, windows, words, tool: usual } = told("data");
const stage = part("stage");
const slider = part("slider");
const problem = part("problem");
const AHEAD = 4;
const RESTS_MS = 200;
const USUAL_RATE = 10; // pictures a second
const TURN_PX = 12;
const VIEW_PX = 1024; // the longest side of a picture of size "view"

const pictures = new Pictures();
const placement = new Placement(stage, placed);
const levels = new Levels(stage, windows);
const lengths = new Lengths(part("drawing"), placement, words);
const factsOf = new Map();
let number = Number(slider.value);
let picture = part("image");
let direction = 1;
let tool = usual;
let timer = 0;
let isPlaying = false;
let ownRate = USUAL_RATE;
let shownAt = 0;
let isLost = false;
let drag = null;
let held = null; // what keys drag
let measured = null; // a length that is not said yet

levels.chosen = new URLSearchParams(location.search).get("window") ?? "";

const keyOf = ({ id, frame }) => `${id}-${frame}`;
const current = () => frames[number - 1];
const facts = () => factsOf.get(keyOf(current()));
const page = (to) => `?${new URLSearchParams({ image: to, ...(levels.chosen && { window: levels.chosen }) })}`;
const addressOf = (name, { id, frame }, query) => `${viewer.dataset[name].replace("/0/", `/${id}/`)}?${new URLSearchParams({ frame, ...query })}`;

function pictureOf(frame) {
  const known = factsOf.get(keyOf(frame));
  const size = placement.scale > 1 && known && Math.max(known.rows, known.columns) > VIEW_PX ? "large" : "view";
  return addressOf("preview", frame, { size, ...(levels.chosen && { window: levels.chosen }) });
}

function show(to) {
  const target = within(to, 1, frames.length);
  direction = Math.sign(target - number) || direction;
  number = target;
  const frame = current();
  shownAt = performance.now();
  slider.value = number;
  part("number").textContent = `${number} / ${frames.length}`;
  part("original").href = viewer.dataset.download.replace("/0/", `/${frame.id}/`);
  for (const button of viewer.querySelectorAll("[data-viewer-order]")) button.value = frame.id;
  for (const link of viewer.querySelectorAll("[data-viewer-step]")) {
    const next = number + Number(link.dataset.viewerStep);
    link.href = page(next);
    link.toggleAttribute("aria-disabled", false);
    if (!frames[next - 1]) link.setAttribute("aria-disabled", "true");
  }
  rest();
  stage.classList.add("is-loading");
  const ahead = Array.from({ length: AHEAD }, (_, step) => frames[number - 1 + direction * (step + 1)]);
  const near = [...ahead, frames[number - 1 - direction]].filter(Boolean);
  pictures.want([frame, ...near].map(pictureOf), loaded);
}

function loaded(ready) {
  stage.classList.remove("is-loading");
  isLost = !ready;
  if (ready && ready !== picture) {
    ready.className = picture.className;
    ready.draggable = false;
    ready.dataset.viewerImage = "";
    picture.replaceWith(ready);
    picture = ready;
  }
  picture.alt = words.label.replace("{number}", number).replace("{count}", frames.length);
  levels.rest();
  tell();
  placed();
  if (!isPlaying) return;
  const each = 1000 / (Number(part("rate").value) || ownRate);
  timer = setTimeout(() => show(number < frames.length ? number + 1 : 1), Math.max(0, shownAt + each - performance.now()));
}

// Once the images are not turned for a moment: what there is to know of the one on view.
function rest() {
  clearTimeout(timer);
  tell();
  if (!isPlaying) timer = setTimeout(ask, RESTS_MS);
}

async function ask() {
  const frame = current();
  history.replaceState(null, "", page(number));
  if (!facts()) {
    const answer = await fetch(addressOf("facts", frame)).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    factsOf.set(keyOf(frame), await answer.json());
    ownRate = factsOf.get(keyOf(frame)).frame_rate ?? ownRate;
  }
  if (frame !== current()) return;
  tell();
  placed();
}

function tell() {
  const known = facts();
  problem.textContent = isLost ? words.lost : known?.problem ? words.problem.replace("{why}", known.problem) : "";
  problem.hidden = !problem.textContent;
  const shown = levels.shown(known);
  part("window-now").textContent = shown ? words.window.replace("{center}", Math.round(shown[0])).replace("{width}", Math.round(shown[1])) : "";
  for (const link of viewer.querySelectorAll("[data-viewer-window]")) {
    link.toggleAttribute("aria-current", false);
    if (link.dataset.viewerWindow === levels.chosen) link.setAttribute("aria-current", "true");
  }
}

function placed() {
  picture.style.transform = placement.transform;
  lengths.draw(keyOf(current()), picture, facts());
  if (measured && facts()?.columns && !drag) {
    part("said").textContent = Object.values(lengths.told(measured, facts())).join(", ");
    measured = null;
  }
}

function enlarged() {
  stage.classList.toggle("is-larger", placement.scale > 1);
  const address = pictureOf(current());
  if (!picture.src.endsWith(address)) pictures.want([address], loaded);
}

function choose(name) {
  levels.chosen = name;
  show(number);
}

function shiftWindow(x, y) {
  const shown = levels.shown(facts());
  if (!shown) return;
  levels.choose(Levels.dragged(shown, x, y));
  choose(levels.chosen);
}

const tools = {
  turn: {
    begin: () => ({ from: number, rolled: 0 }),
    drag: (state, _at, by) => {
      state.rolled += by.y;
      const to = state.from + Math.trunc(state.rolled / TURN_PX);
      if (to !== number) show(to);
    },
  },
  window: {
    begin: () => ({ from: levels.shown(facts()), x: 0, y: 0 }),
    drag: (state, _at, by) => {
      if (!state.from) return;
      state.x += by.x;
      state.y += by.y;
      state.to = Levels.dragged(state.from, state.x, state.y);
      levels.stretch(state.from, state.to, facts()?.is_inverse);
      levels.choose(state.to);
      tell();
    },
    end: (state) => { if (state.to) choose(levels.chosen); },
  },
  move: { begin: () => ({}), drag: (_state, _at, by) => placement.move(by.x, by.y) },
  measure: {
    begin: (at) => lengths.begin(keyOf(current()), placement.toPicture(at, picture)),
    drag: (line, at) => {
      line.to = placement.toPicture(at, picture);
      placed();
    },
    end: (line) => {
      if (line.to === line.from) lengths.removeLast(keyOf(current()));
      else measured = line;
      placed();
    },
  },
};

// Keys drag, too: from the middle of the stage, until Enter; the first Enter of a length says where it begins.
function dragByKeys([x, y]) {
  const middle = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 };
  held ??= { tool: tools[tool], state: tools[tool].begin(middle), at: middle, isBegun: tool !== "measure" };
  held.at = { x: held.at.x + x, y: held.at.y + y };
  held.tool.drag(held.state, held.at, { x, y });
  if (held.isBegun) return;
  held.state.from = held.state.to;
  placed();
}

function enter() {
  if (held.isBegun) letGo();
  else held.isBegun = true;
}

function letGo() {
  const ended = held;
  held = null;
  ended?.tool.end?.(ended.state);
}

function take(name) {
  letGo();
  tool = name;
  stage.dataset.tool = name;
  for (const button of viewer.querySelectorAll("button[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === name);
}

function play(wanted = !isPlaying) {
  isPlaying = wanted && frames.length > 1;
  part("play")?.setAttribute("aria-pressed", isPlaying);
  show(number);
}

function turn(steps) {
  letGo();
  if (isPlaying) play(false);
  show(number + steps);
}

function zoom(factor, at) {
  placement.zoom(factor, at);
  enlarged();
}

function reset() {
  lengths.clear();
  stage.classList.remove("is-inverted");
  part("invert").setAttribute("aria-pressed", "false");
  placement.reset();
  enlarged();
  choose("");
}

const acts = {
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  fit: () => { placement.reset(); enlarged(); },
  invert: () => part("invert").setAttribute("aria-pressed", stage.classList.toggle("is-inverted")),
  play: () => play(),
  reset,
  help: () => part("help").showModal(),
};
const keys = {
  ArrowRight: () => turn(1), ArrowDown: () => turn(1), PageDown: () => turn(10), End: () => turn(frames.length),
  ArrowLeft: () => turn(-1), ArrowUp: () => turn(-1), PageUp: () => turn(-10), Home: () => turn(-frames.length),
  "+": acts.in, "-": acts.out, 0: acts.fit, i: acts.invert, r: acts.reset, "?": acts.help, p: acts.play,
  t: () => take("turn"), w: () => take("window"), m: () => take("move"), l: () => take("measure"),
  Backspace: () => { lengths.removeLast(keyOf(current())); placed(); },
};
const steps = { ArrowRight: [15, 0], ArrowLeft: [-15, 0], ArrowDown: [0, 15], ArrowUp: [0, -15] };
const stepped = (step) => (["move", "measure"].includes(tool) ? dragByKeys(step) : shiftWindow(...step));

document.addEventListener("keydown", (event) => {
  const isElsewhere = event.target.matches("input:not([type=range]), select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (isElsewhere || document.querySelector("dialog[open]")) return;
  const isStep = event.shiftKey && steps[event.key];
  const act = isStep ? () => stepped(steps[event.key]) : held && event.key === "Enter" ? enter : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
gestures(stage, {
  begin: (at) => { drag = { tool: tools[tool], state: tools[tool].begin(at) }; },
  drag: (at, by) => drag?.tool.drag(drag.state, at, by),
  end: () => {
    const ended = drag;
    drag = null;
    ended?.tool.end?.(ended.state);
  },
  pinch: (at, factor, x, y) => {
    placement.move(x, y);
    zoom(factor, at);
  },
  turn,
  enlarge: zoom,
  double: (at) => (placement.scale > 1 ? acts.fit() : zoom(2, at)),
});
slider.addEventListener("input", () => turn(Number(slider.value) - number));
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act], button[data-tool]");
  if (button?.dataset.act) acts[button.dataset.act]();
  else if (button) take(button.dataset.tool);
  const link = event.target.closest("[data-viewer-step], [data-viewer-window]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.dataset.viewerStep) turn(Number(link.dataset.viewerStep));
  else choose(link.dataset.viewerWindow);
});
addEventListener("resize", placed);
document.addEventListener("visibilitychange", () => { if (document.hidden && isPlaying) play(false); });
for (const each of viewer.querySelectorAll("[data-viewer-scripted]")) each.hidden = false;
take(tool);
show(number);
