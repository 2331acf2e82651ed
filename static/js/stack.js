// Turns the pictures of a shared series by slider, finger, wheel and keys; without it the links lead from one to the next.
const stack = document.querySelector("[data-stack]");
const frames = JSON.parse(document.getElementById("frames").textContent);
const stage = stack.querySelector("[data-stage]");
const [image, slider, told] = ["img", "input", "output"].map((name) => stack.querySelector(name));
const FINGER_PX = 12;
let number = Number(slider.value);

const address = ({ id, frame }) => `${stack.dataset.address.replace(/0$/, id)}?size=view&frame=${frame}`;

function show(wanted) {
  number = Math.min(Math.max(wanted, 1), frames.length);
  image.src = address(frames[number - 1]);
  image.alt = stack.dataset.label.replace("{number}", number).replace("{count}", frames.length);
  slider.value = number;
  told.textContent = `${number} / ${frames.length}`;
  for (const link of stack.querySelectorAll("[data-step]")) {
    const target = number + Number(link.dataset.step);
    link.href = `?image=${target}`;
    if (frames[target - 1]) link.removeAttribute("aria-disabled");
    else link.setAttribute("aria-disabled", "true");
  }
  history.replaceState(null, "", `?image=${number}`);
}

slider.addEventListener("input", () => show(Number(slider.value)));
stack.addEventListener("click", (event) => {
  const link = event.target.closest("[data-step]");
  if (!link) return;
  event.preventDefault();
  show(number + Number(link.dataset.step));
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  show(number + Math.sign(event.deltaY));
}, { passive: false });
const keys = { ArrowRight: 1, ArrowDown: 1, PageDown: 10, ArrowLeft: -1, ArrowUp: -1, PageUp: -10 };
document.addEventListener("keydown", (event) => {
  if (event.target === slider || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  show(number + keys[event.key]);
});
let from = null;
stage.addEventListener("pointerdown", (event) => {
  from = { y: event.clientY, number };
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  if (from) show(from.number + Math.trunc((event.clientY - from.y) / FINGER_PX));
});
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { from = null; });
