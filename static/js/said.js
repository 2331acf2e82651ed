// What goes on in the background is told to those who listen: when its words change, and not each time that it is asked for.
(() => {
  const said = document.getElementById("said");
  const words = () => [...document.querySelectorAll("[data-said]")].map((each) => each.dataset.said).join(". ");
  let last = words();
  document.addEventListener("htmx:afterSettle", () => {
    const now = words();
    if (now !== last) said.textContent = now;
    last = now;
  });
})();
