// Buttons that copy the text of another element: <button data-copy="ID" data-copied="Copied" hidden>Copy</button>
// Browsers allow it on https and on this machine alone; elsewhere the buttons stay hidden and people select the text.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = button.dataset.copied;
    });
  }
}
