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
// What needs this script is shown by it.
for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
for (const slider of document.querySelectorAll("[data-opacity]")) {
  slider.addEventListener("input", () => document.documentElement.style.setProperty("--map", slider.value / 100));
}
// The depth slider: the large map follows it, and a line in the chart.
for (const slider of document.querySelectorAll("[data-depth]")) {
  const section = slider.closest(".lens");
  const large = section.querySelector(".stage .map");
  const said = section.querySelector("output");
  const figures = [...section.querySelectorAll(".strip figure")];
  const chart = section.querySelector("figure.chart svg");
  const places = chart.dataset.x.split(" ");
  const cursor = chart.querySelector(".cursor");
  const show = () => {
    const at = Number(slider.value);
    const map = figures[at].querySelector(".map");
    large.src = map.src;
    large.alt = map.alt;
    const name = figures[at].querySelector("b").textContent;
    said.textContent = name + ": the class token reads " + figures[at].querySelector(".how").textContent;
    slider.setAttribute("aria-valuetext", name);
    cursor.setAttribute("x1", places[at]);
    cursor.setAttribute("x2", places[at]);
    cursor.style.visibility = "visible";
  };
  slider.addEventListener("input", show);
  show();
}
// The grid of heads: what a map shows is told below it; arrow keys move between maps.
for (const table of document.querySelectorAll("table.heads")) {
  const told = table.parentNode.querySelector(".told");
  const rows = [...table.rows].map(row => [...row.querySelectorAll("img")]);
  const show = image => { told.textContent = image.alt; };
  rows.forEach((images, row) => images.forEach((image, column) => {
    image.tabIndex = row === 0 && column === 0 ? 0 : -1;
    image.addEventListener("pointerenter", () => show(image));
    image.addEventListener("focus", () => show(image));
    image.addEventListener("keydown", event => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      const next = step && rows[row + step[0]]?.[column + step[1]];
      if (!next) return;
      event.preventDefault();
      image.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }));
}
// A tile under the pointer, enlarged.
for (const image of document.querySelectorAll("img[data-tiles]:not([data-tiles=''])")) {
  const [rows, columns] = image.dataset.tiles.split(" ").map(Number);
  const zoom = document.createElement("div");
  zoom.className = "zoom";
  zoom.hidden = true;
  zoom.style.background = `url(${image.src}) 0 0 / ${168 * columns}px ${168 * rows}px`;
  image.parentNode.append(zoom);
  image.addEventListener("pointermove", event => {
    const box = image.getBoundingClientRect();
    const outer = image.parentNode.getBoundingClientRect();
    const column = Math.min(columns - 1, Math.floor((event.clientX - box.left) / box.width * columns));
    const row = Math.min(rows - 1, Math.floor((event.clientY - box.top) / box.height * rows));
    zoom.hidden = false;
    zoom.style.backgroundPosition = `${-168 * column}px ${-168 * row}px`;
    const x = event.clientX - outer.left;
    zoom.style.left = (x + 188 > outer.width ? x - 188 : x + 16) + "px";
    zoom.style.top = event.clientY - outer.top + 16 + "px";
  });
  image.addEventListener("pointerleave", () => { zoom.hidden = true; });
}
