// A part of the page that is renewed keeps the focus where it was. Where what has it has an id, htmx sees to that.
(() => {
  const TAKES_FOCUS = "a[href], button, input, select, textarea, summary";
  const sign = (each) => [each.tagName, each.getAttribute("href"), each.name, each.value, each.textContent.trim()].join("\n");
  let had = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const at = document.activeElement;
    had = !at.id && event.detail.target.contains(at) ? sign(at) : "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!had || document.activeElement !== document.body) return;
    [...document.querySelectorAll(TAKES_FOCUS)].find((each) => sign(each) === had)?.focus({ preventScroll: true });
    had = "";
  });
})();
