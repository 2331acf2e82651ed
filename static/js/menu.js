// Menus and questions are <details class="menu"> or "ask" and open without this; it closes them on Escape, on a click elsewhere, and when the focus leaves.
const openMenus = () => document.querySelectorAll("details:is(.menu, .ask)[open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("focusout", (event) => {
  if (event.relatedTarget) for (const menu of openMenus()) if (!menu.contains(event.relatedTarget)) menu.open = false;
});

// On a phone the entries are one scrolling row: bring the page's own into view.
document.querySelector(".nav-entry[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
