// A checkbox that checks all others of a name in its form: <label hidden><input type="checkbox" data-choose-all="NAME">
function offer(all) {
  const each = [...all.form.querySelectorAll(`input[name="${all.dataset.chooseAll}"]`)];
  const tell = () => {
    const count = each.filter((one) => one.checked).length;
    all.checked = count === each.length;
    all.indeterminate = count > 0 && count < each.length;
  };
  all.closest("label").hidden = false;
  all.addEventListener("change", () => each.forEach((one) => { one.checked = all.checked; }));
  each.forEach((one) => one.addEventListener("change", tell));
  tell();
}
const offerWithin = (part) => part.querySelectorAll("input[data-choose-all]").forEach(offer);
offerWithin(document);
document.addEventListener("htmx:afterSettle", (event) => offerWithin(event.detail.elt));
