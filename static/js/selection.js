"use strict";
// How many are chosen in a list: <form data-selection> with checkboxes and <span data-count data-none data-some>.
// Shift with a click, or with the space key, chooses all between this one and the last; Escape chooses none.
function follow(form) {
  const boxes = [...form.querySelectorAll('input[name="chosen"]')];
  const told = form.querySelector("[data-count]");
  let last = null;
  const tell = () => {
    const count = boxes.filter((box) => box.checked).length;
    told.textContent = count ? `${count} ${told.dataset.some}` : told.dataset.none;
    form.classList.toggle("has-chosen", count > 0);
  };
  const choose = (event) => {
    const here = boxes.indexOf(event.target);
    if (event.shiftKey && last !== null) {
      boxes.slice(Math.min(here, last), Math.max(here, last) + 1).forEach((box) => { box.checked = event.target.checked; });
      boxes[here].dispatchEvent(new Event("change", { bubbles: true }));
    }
    last = here;
  };
  boxes.forEach((box) => box.addEventListener("click", choose));
  form.addEventListener("change", () => queueMicrotask(tell));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    boxes.forEach((box) => { box.checked = false; });
    boxes[0].dispatchEvent(new Event("change", { bubbles: true }));
  });
  tell();
}
const followWithin = (part) => part.querySelectorAll("form[data-selection]").forEach(follow);
followWithin(document);
document.addEventListener("htmx:afterSettle", (event) => followWithin(event.detail.elt));
