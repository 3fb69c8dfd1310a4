"use strict";
// The numbers under the pointer, beside each chart.
for (const figure of document.querySelectorAll("figure.chart")) {
  const svg = figure.querySelector("svg[data-epochs]");
  if (!svg) continue;
  const tip = document.createElement("div");
  tip.className = "tip";
  figure.append(tip);
  const places = svg.dataset.x.split(" ").map(Number);
  const curves = [...svg.querySelectorAll(".curve")].map(curve => ({
    name: curve.dataset.name,
    color: [...curve.classList].find(name => name !== "curve"),
    values: curve.dataset.values.split("|")
  }));
  const cursor = svg.querySelector(".cursor");
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    let at = 0;
    places.forEach((place, i) => { if (Math.abs(place - x) < Math.abs(places[at] - x)) at = i; });
    cursor.setAttribute("x1", places[at]);
    cursor.setAttribute("x2", places[at]);
    cursor.style.visibility = tip.style.visibility = "visible";
    tip.replaceChildren(document.createTextNode("epoch " + (at + 1)));
    for (const curve of curves.filter(one => at < one.values.length)) {
      const line = document.createElement("div");
      const dot = document.createElement("span");
      dot.className = curve.color;
      dot.textContent = "● ";
      line.append(dot, curve.name + "  " + curve.values[at]);
      tip.append(line);
    }
    const beside = box.left - figure.getBoundingClientRect().left + places[at] * box.width / svg.viewBox.baseVal.width;
    tip.style.left = (beside + 14 + tip.offsetWidth > figure.clientWidth ? beside - 14 - tip.offsetWidth : beside + 14) + "px";
    tip.style.top = "60px";
  });
  svg.addEventListener("pointerleave", () => { cursor.style.visibility = tip.style.visibility = "hidden"; });
}
// A click on a column's head sorts its table; another one turns the order round.
for (const head of document.querySelectorAll("th.sortable")) {
  head.tabIndex = 0;
  const sort = () => {
    const order = head.dataset.order === "1" ? -1 : 1;
    head.parentNode.querySelectorAll("th").forEach(other => delete other.dataset.order);
    head.dataset.order = order;
    const key = row => row.cells[head.cellIndex].dataset.key;
    const body = head.closest("table").tBodies[0];
    [...body.rows]
      .sort((a, b) => order * (head.cellIndex ? key(a) - key(b) : key(a).localeCompare(key(b))))
      .forEach(row => body.append(row));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
}
document.querySelectorAll('[data-opacity]').forEach(slider => slider.addEventListener('input', () =>
  document.documentElement.style.setProperty('--map', slider.value / 100)));
