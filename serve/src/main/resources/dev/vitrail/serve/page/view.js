// What the page shows.

const element = (id) => document.getElementById(id);

const percent = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const milliseconds = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

let shown = '';

export function showImage(image) {
  URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(image);
  const preview = element('preview');
  preview.src = shown;
  preview.alt = image.name ? `The image ${image.name}` : 'The image';
  preview.hidden = false;
  preview.onerror = () => {
    preview.hidden = true;
    element('hint').hidden = false;
  };
  element('hint').hidden = true;
  element('again').disabled = false;
  element('explain').disabled = false;
}

export function showHealth(text) {
  element('health').textContent = text;
}

export function showError(message) {
  element('error').textContent = message;
  element('error').hidden = message === '';
}

/** Fills both lists of models; the second may stay empty. */
export function showModels(names) {
  const options = names.map((name) => new Option(name, name));
  element('first').replaceChildren(...options.map((option) => option.cloneNode(true)));
  element('second').replaceChildren(new Option('none', ''), ...options);
}

const side = (name) => document.querySelector(`[data-side=${name}]`);

export function showWaiting(name) {
  side(name).classList.add('waiting');
}

export function clear(name) {
  side(name).classList.remove('waiting');
  side(name).querySelector('.scores').replaceChildren();
  side(name).querySelector('.timing').textContent = '';
}

export function showScores(name, { scores, timing }) {
  clear(name);
  side(name).querySelector('.scores').replaceChildren(
    ...scores.map(({ label, score }) => {
      const row = document.createElement('li');
      row.style.setProperty('--share', `${100 * score}%`);
      const what = document.createElement('span');
      what.textContent = label;
      const share = document.createElement('span');
      share.textContent = percent.format(score);
      row.append(what, share);
      return row;
    }),
  );
  const parts = ['decode', 'queue', 'infer', 'total'].filter((part) => part in timing);
  side(name).querySelector('.timing').textContent = parts
    .map((part) => `${part} ${milliseconds.format(timing[part])} ms`)
    .join(' · ');
}
