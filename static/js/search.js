// Where the page is narrow, the criteria close once they are sent: what was found stands below them, and names them.
document.querySelector("form[role=search]")?.addEventListener("submit", (event) => {
  const more = event.target.querySelector(".search-more");
  if (!more.open || !matchMedia("(max-width: 47.99rem)").matches) return;
  if (more.contains(document.activeElement)) more.querySelector("summary").focus();
  more.open = false;
});
