// What mouse, finger and wheel do on the stage: one pointer drags, two pinch, the wheel turns and, with Ctrl, enlarges.
const NOTCH = 40; // of a wheel, in pixels; touchpads send many smaller steps

export function gestures(stage, { begin, drag, end, pinch, turn, enlarge, double }) {
  const pointers = new Map();
  const place = (event) => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const spread = () => {
    const [one, other] = [...pointers.values()];
    const middle = { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
    return { middle, distance: Math.hypot(one.x - other.x, one.y - other.y) };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button || pointers.size === 2 || event.target.closest("a, button")) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 1) begin(place(event));
    else end();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = pointers.size === 2 ? spread() : pointers.get(event.pointerId);
    pointers.set(event.pointerId, place(event));
    const now = pointers.size === 2 ? spread() : place(event);
    if (pointers.size === 1) drag(now, { x: now.x - before.x, y: now.y - before.y });
    else pinch(now.middle, now.distance / before.distance, now.middle.x - before.middle.x, now.middle.y - before.middle.y);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      if (pointers.delete(event.pointerId) && !pointers.size) end();
    });
  }
  let rolled = 0;
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) {
      enlarge(Math.exp(-event.deltaY / 300), place(event));
      return;
    }
    rolled += event.deltaMode ? NOTCH * Math.sign(event.deltaY) : event.deltaY;
    const steps = Math.trunc(rolled / NOTCH);
    rolled -= steps * NOTCH;
    if (steps) turn(Math.sign(steps) * Math.min(Math.abs(steps), 3));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => double(place(event)));
}
