// Why: a map over the image as the model saw it, the model's explanation or what one head reads.

const element = (id) => document.getElementById(id);

/** Colors from little to much (viridis), and from against to for. */
const AMOUNT = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]];
const SIGNED = [[33, 102, 172], [103, 169, 207], [209, 229, 240], [247, 247, 247], [253, 219, 199], [239, 138, 98], [178, 24, 43]];

let found = null;
let photo = null;

function color(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const stop = Math.min(Math.floor(place), stops.length - 2);
  return stops[stop].map((from, c) => from + (place - stop) * (stops[stop + 1][c] - from));
}

/** A map as a canvas with a pixel for each cell. */
function cells(map) {
  const low = Math.min(...map.values);
  const high = Math.max(...map.values);
  const extent = Math.max(-low, high);
  const signed = low < 0;
  const canvas = document.createElement('canvas');
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext('2d');
  const image = context.createImageData(map.width, map.height);
  map.values.forEach((value, i) => {
    const share = signed ? 0.5 + value / (2 * extent) : high > low ? (value - low) / (high - low) : 0;
    image.data.set([...color(signed ? SIGNED : AMOUNT, share), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The cells with the largest values, in words. */
function words(map) {
  if (map.values.every((value) => value === map.values[0])) {
    return 'flat: all cells are alike';
  }
  const order = map.values.map((_, i) => i).sort((a, b) => map.values[b] - map.values[a]).slice(0, 5);
  const places = order.map((i) => `row ${Math.floor(i / map.width) + 1} column ${i % map.width + 1}`);
  return `strongest at ${places.join(', ')} of ${map.height} by ${map.width} cells`;
}

/** The map that is chosen, and what it is. */
function chosen() {
  const layer = element('layer').value;
  if (layer === '') {
    return { map: found.map, title: `${found.method} for ${found.label}` };
  }
  const { name, heads } = found.layers[layer];
  const head = Number(element('head').value);
  return { map: heads[head], title: `what the class token reads, ${name}, head ${head + 1}` };
}

function draw() {
  if (!found || !photo) {
    return;
  }
  const { map, title } = chosen();
  const overlay = element('overlay');
  const scale = Math.max(1, Math.round(448 / photo.width));
  overlay.width = scale * photo.width;
  overlay.height = scale * photo.height;
  const context = overlay.getContext('2d');
  context.imageSmoothingEnabled = photo.width > 64;
  context.filter = 'grayscale(1)';
  context.drawImage(photo, 0, 0, overlay.width, overlay.height);
  context.filter = 'none';
  context.globalAlpha = element('opacity').value / 100;
  context.imageSmoothingEnabled = true;
  context.drawImage(cells(map), 0, 0, overlay.width, overlay.height);
  context.globalAlpha = 1;
  overlay.setAttribute('aria-label', `${title}: ${words(map)}`);
  const share = (100 * found.score).toFixed(1);
  element('told').textContent = element('layer').value === ''
    ? `${found.label}, ${share} %: bright cells speak for it (${found.method}).`
    : `Bright cells are ${title}.`;
}

function choose(layer, head) {
  element('layer').value = layer;
  const heads = layer === '' ? 0 : found.layers[layer].heads.length;
  element('head').replaceChildren(...Array.from({ length: heads }, (_, i) => new Option(i + 1, i)));
  element('head').disabled = heads === 0;
  if (heads > 0) {
    element('head').value = head;
  }
  draw();
}

/** A row for each layer, a button for each head. */
function grid() {
  const rows = found.layers.map(({ name, heads }, layer) => {
    const row = document.createElement('tr');
    const title = document.createElement('th');
    title.scope = 'row';
    title.textContent = name;
    row.append(title, ...heads.map((map, head) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-label', `${name}, head ${head + 1}: ${words(map)}`);
      button.append(cells(map));
      button.addEventListener('click', () => choose(layer, head));
      const cell = document.createElement('td');
      cell.append(button);
      return cell;
    }));
    return row;
  });
  element('heads').tBodies[0].replaceChildren(...rows);
  element('heads').hidden = rows.length === 0;
}

export function clear() {
  found = null;
  element('explanation').hidden = true;
}

/** Shows an explanation: the answer of /v1/explain. */
export async function show(explanation) {
  const bytes = Uint8Array.from(atob(explanation.image), (c) => c.charCodeAt(0));
  photo = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
  found = explanation;
  element('layer').replaceChildren(
    new Option(`the explanation, ${found.method}`, ''),
    ...found.layers.map(({ name }, i) => new Option(`attention of ${name}`, i)),
  );
  element('explanation').hidden = false;
  grid();
  choose('', 0);
}

element('opacity').addEventListener('input', draw);
element('layer').addEventListener('change', () => choose(element('layer').value, 0));
element('head').addEventListener('change', draw);
