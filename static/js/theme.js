// Loaded before the page is painted: the person's choice of colours, else the system's.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme") ?? (system.matches ? "dark" : "light");
  const apply = () => document.documentElement.setAttribute("data-bs-theme", chosen());
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("button[data-theme-switch]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        localStorage.setItem("theme", chosen() === "dark" ? "light" : "dark");
        apply();
      });
    }
  });
})();
