// Turns the images of a series by keys, wheel and slider, and enlarges them; without it the links lead from one to the next.
const viewer = document.querySelector("[data-viewer]");
const part = (name) => viewer.querySelector(`[data-viewer-${name}]`);
const frames = JSON.parse(document.getElementById("viewer-frames").textContent);
const stage = part("stage");
const image = part("image");
const slider = part("slider");
const LARGEST = 8;
const view = { number: Number(slider.value), window: new URLSearchParams(location.search).get("window") ?? "", scale: 1, x: 0, y: 0 };

const within = (value, least, most) => Math.min(Math.max(value, least), most);
const page = (number) => `?${new URLSearchParams({ image: number, ...(view.window && { window: view.window }) })}`;
const preview = ({ id, frame }) => {
  const query = new URLSearchParams({ size: "view", frame, ...(view.window && { window: view.window }) });
  return `${viewer.dataset.preview.replace("/0/", `/${id}/`)}?${query}`;
};

function show(number) {
  view.number = within(number, 1, frames.length);
  const frame = frames[view.number - 1];
  image.src = preview(frame);
  image.alt = viewer.dataset.label.replace("{number}", view.number).replace("{count}", frames.length);
  slider.value = view.number;
  part("number").textContent = `${view.number} / ${frames.length}`;
  part("original").href = viewer.dataset.download.replace("/0/", `/${frame.id}/`);
  for (const link of viewer.querySelectorAll("[data-viewer-step]")) {
    const target = view.number + Number(link.dataset.viewerStep);
    link.href = page(target);
    link.toggleAttribute("aria-disabled", false);
    if (!frames[target - 1]) link.setAttribute("aria-disabled", "true");
  }
  history.replaceState(null, "", page(view.number));
  for (const near of [frames[view.number], frames[view.number - 2]]) if (near) new Image().src = preview(near);
}

function place() {
  const reach = (side) => ((view.scale - 1) * side) / 2;
  view.x = within(view.x, -reach(stage.clientWidth), reach(stage.clientWidth));
  view.y = within(view.y, -reach(stage.clientHeight), reach(stage.clientHeight));
  image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  stage.classList.toggle("is-larger", view.scale > 1);
}

const zoom = { in: () => view.scale * 1.5, out: () => view.scale / 1.5, fit: () => 1 };
function resize(way) {
  view.scale = within(zoom[way](), 1, LARGEST);
  place();
}

function choose(link) {
  view.window = link.dataset.viewerWindow;
  for (const each of viewer.querySelectorAll("[data-viewer-window]")) each.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  show(view.number);
}

const keys = {
  ArrowRight: () => show(view.number + 1), ArrowDown: () => show(view.number + 1), PageDown: () => show(view.number + 10),
  ArrowLeft: () => show(view.number - 1), ArrowUp: () => show(view.number - 1), PageUp: () => show(view.number - 10),
  "+": () => resize("in"), "-": () => resize("out"), 0: () => resize("fit"),
};
document.addEventListener("keydown", (event) => {
  const isTyped = event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
  if (isTyped || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
slider.addEventListener("input", () => show(Number(slider.value)));
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  show(view.number + Math.sign(event.deltaY));
}, { passive: false });
stage.addEventListener("dblclick", () => resize(view.scale > 1 ? "fit" : "in"));
stage.addEventListener("pointerdown", (event) => { if (view.scale > 1) stage.setPointerCapture(event.pointerId); });
stage.addEventListener("pointermove", (event) => {
  if (!stage.hasPointerCapture(event.pointerId)) return;
  view.x += event.movementX;
  view.y += event.movementY;
  place();
});
viewer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (button) resize(button.dataset.zoom);
  const link = event.target.closest("[data-viewer-step], [data-viewer-window]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.dataset.viewerStep) show(view.number + Number(link.dataset.viewerStep));
  else choose(link);
});
part("zoom").hidden = false;
