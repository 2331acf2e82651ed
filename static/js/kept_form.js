// Puts what was typed before the sign-in ended back into its form.
(() => {
  const notice = document.querySelector(".kept-form");
  const typed = new Map();
  for (const [name, value] of JSON.parse(document.getElementById("kept-form").textContent)) {
    typed.set(name, [...(typed.get(name) ?? []), value]);
  }
  const wanted = new URL(notice.dataset.action, location.href);
  const target = (form) => new URL(form.getAttribute("action") || location.href, location.href);
  const fits = (form) => form.method === "post" && target(form).pathname === wanted.pathname;
  const known = (form) => [...typed.keys()].filter((name) => form.elements.namedItem(name)).length;
  const form = [...document.forms].filter(fits).sort((one, other) => known(other) - known(one))[0];
  if (form) {
    for (const field of form.elements) fill(field);
    for (const folded of form.querySelectorAll("details:has(:is(input, select, textarea))")) folded.open = true;
    form.dispatchEvent(new Event("change", { bubbles: true }));
  } else {
    notice.querySelector("details").open = true;
  }
  notice.focus();

  function fill(field) {
    const isHidden = ["hidden", "file", "submit", "button", "password"].includes(field.type);
    if (!field.name || isHidden) return;
    const values = typed.get(field.name) ?? [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (field.type === "select-multiple") for (const option of field.options) option.selected = values.includes(option.value);
    else if (values.length) field.value = values.shift();
  }
})();
