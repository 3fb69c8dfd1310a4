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
// Opacity: one slider for all maps, and one below each.
for (const figure of document.querySelectorAll(".maps figure:has(.map)")) {
  const overlay = figure.querySelector(".overlay");
  const label = document.createElement("label");
  label.className = "opacity";
  const slider = document.createElement("input");
  slider.type = "range";
  slider.max = 100;
  slider.value = 55;
  slider.setAttribute("aria-label", "Opacity of " + figure.querySelector("b").textContent);
  slider.addEventListener("input", () => overlay.style.setProperty("--map", slider.value / 100));
  label.append(slider);
  overlay.after(label);
  // A click on a map shows the image without its top quarter, as the checkbox does.
  const removal = figure.querySelector(".remove input");
  if (removal) overlay.addEventListener("click", () => removal.click());
}
for (const slider of document.querySelectorAll("[data-opacity]")) {
  slider.addEventListener("input", () => {
    document.documentElement.style.setProperty("--map", slider.value / 100);
    for (const own of document.querySelectorAll(".opacity input")) {
      own.value = slider.value;
      own.closest("figure").querySelector(".overlay").style.removeProperty("--map");
    }
  });
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
// What a patch reads: the tile of the patch under the pointer, or of the one that the arrow keys reach, over the image.
for (const part of document.querySelectorAll(".reads")) {
  const [rows, columns] = part.dataset.grid.split(" ").map(Number);
  const field = part.querySelector(".overlay");
  const [map, cell] = field.children;
  const slider = part.querySelector("input");
  const said = part.querySelector("output");
  const layers = [...part.querySelectorAll(".atlas img")];
  const percent = (at, count) => (count > 1 ? 100 * at / (count - 1) : 0) + "%";
  let row = Math.floor(rows / 2), column = Math.floor(columns / 2);
  cell.style.width = 100 / columns + "%";
  cell.style.height = 100 / rows + "%";
  map.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  const show = () => {
    const image = layers[slider ? slider.value : 0];
    map.style.backgroundImage = `url(${image.src})`;
    map.style.backgroundPosition = percent(column, columns) + " " + percent(row, rows);
    cell.style.left = 100 * column / columns + "%";
    cell.style.top = 100 * row / rows + "%";
    const strongest = Number(image.dataset.strongest.split(" ")[row * columns + column]);
    said.textContent = `${image.dataset.name}: the patch in row ${row + 1}, column ${column + 1} reads most from row ${
      Math.floor(strongest / columns) + 1}, column ${strongest % columns + 1}.`;
    if (slider) slider.setAttribute("aria-valuetext", image.dataset.name);
  };
  field.addEventListener("pointermove", event => {
    const box = field.getBoundingClientRect();
    column = Math.max(0, Math.min(columns - 1, Math.floor((event.clientX - box.left) / box.width * columns)));
    row = Math.max(0, Math.min(rows - 1, Math.floor((event.clientY - box.top) / box.height * rows)));
    show();
  });
  field.addEventListener("keydown", event => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    row = Math.max(0, Math.min(rows - 1, row + step[0]));
    column = Math.max(0, Math.min(columns - 1, column + step[1]));
    show();
  });
  if (slider) slider.addEventListener("input", show);
  show();
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
