/* Keys of the workplace: j and k go through the rows of queues, a acts on the row; what bears data-key answers to it.
   A dialog that opens takes the focus, and gives it back. What scrolls is named by the heading above it. */
(() => {
  const isTyping = (element) => element.matches("input:not([type=radio]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll(".queue-row .queue-what")];

  const step = (by) => {
    const all = rows();
    const row = document.activeElement.closest(".queue-row");
    const at = row ? all.indexOf(row.querySelector(".queue-what")) : by > 0 ? -1 : all.length;
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
  };

  const act = () => document.activeElement.closest(".queue-row")?.querySelector(".queue-acts a")?.click();

  const named = (event) => (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key;

  let opener = null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "modal-content") opener = event.detail.elt;
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "modal-content") return;
    const first = event.target.querySelector(":is(input, select, textarea):not([type=hidden]), button[type=submit]");
    setTimeout(() => first?.focus(), 100);
  });

  document.addEventListener("dialog-closed", () => {
    opener?.focus();
    opener = null;
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const each of document.querySelectorAll("[data-simplebar]")) {
      const heading = each.closest("section, .inline-group")?.querySelector("h2") ?? document.querySelector("h1");
      each.dataset.simplebarAriaLabel = heading?.textContent.trim().replace(/\s+/g, " ") ?? "";
    }
  });

  document.addEventListener("keydown", (event) => {
    const name = named(event);
    const isCommand = name.startsWith("Ctrl+");
    if (event.altKey || (isTyping(event.target) && !isCommand)) return;
    const target = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
    const plain = { j: () => step(1), k: () => step(-1), a: act }[name];
    if (!target && !plain) return;
    event.preventDefault();
    if (!target) return plain();
    if (target.matches("input[type=search]")) return target.focus();
    target.focus();
    target.click();
  });
})();
