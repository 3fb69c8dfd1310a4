// The page: an image comes by file, drop, paste or camera, and one or two models classify it.

import * as api from './api.js';
import * as view from './view.js';
import * as why from './why.js';

const element = (id) => document.getElementById(id);

let image = null;
let run = 0;

async function classify(side, thisRun) {
  const model = element(side).value;
  if (!model) {
    view.clear(side);
    return;
  }
  view.showWaiting(side);
  try {
    const found = await api.classify(model, image);
    if (thisRun === run) {
      view.showScores(side, found);
    }
  } catch (failed) {
    if (thisRun === run) {
      view.clear(side);
      view.showError(failed.message);
      element('access').hidden = failed.status !== 401;
    }
  }
}

/** The models run one after the other, so that neither's time is the other's wait. */
async function classifyBoth() {
  if (!image) {
    return;
  }
  const thisRun = ++run;
  view.showError('');
  await classify('first', thisRun);
  await classify('second', thisRun);
}

function take(file) {
  if (!file) {
    view.showError('That holds no image.');
    return;
  }
  image = file;
  view.showImage(file);
  why.clear();
  classifyBoth();
}

/** Why the first model gives the image its class. */
async function explain() {
  const thisRun = run;
  element('explain').disabled = true;
  try {
    const found = await api.explain(element('first').value, image);
    if (thisRun === run) {
      await why.show(found);
    }
  } catch (failed) {
    view.showError(failed.message);
    element('access').hidden = failed.status !== 401;
  } finally {
    element('explain').disabled = false;
  }
}

const firstFile = (transfer) => [...transfer.files].find((file) => file.type.startsWith('image/')) ?? transfer.files[0];

element('file').addEventListener('change', (event) => {
  if (event.target.files.length > 0) {
    take(event.target.files[0]);
    event.target.value = '';
  }
});
element('choose').addEventListener('click', () => element('file').click());
element('again').addEventListener('click', classifyBoth);
element('explain').addEventListener('click', explain);
element('first').addEventListener('change', () => {
  why.clear();
  classifyBoth();
});
element('second').addEventListener('change', classifyBoth);

document.addEventListener('dragover', (event) => {
  event.preventDefault();
  element('drop').classList.add('over');
});
document.addEventListener('dragleave', () => element('drop').classList.remove('over'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  element('drop').classList.remove('over');
  take(firstFile(event.dataTransfer));
});
document.addEventListener('paste', (event) => {
  if (event.target.id !== 'token') {
    take(firstFile(event.clipboardData));
  }
});

// ------------------------------------------------------------------------------------------------------------ camera

const camera = element('camera');

element('photograph').addEventListener('click', async () => {
  try {
    element('video').srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    camera.showModal();
  } catch {
    view.showError('There is no camera, or this page may not use it: over http:// browsers allow it on localhost alone.');
  }
});
element('shoot').addEventListener('click', () => {
  const video = element('video');
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d').drawImage(video, 0, 0);
  canvas.convertToBlob({ type: 'image/png' }).then(take);
  camera.close();
});
element('cancel').addEventListener('click', () => camera.close());
camera.addEventListener('close', () => {
  element('video').srcObject?.getTracks().forEach((track) => track.stop());
  element('video').srcObject = null;
});

// ------------------------------------------------------------------------------------------------------------- start

element('access').addEventListener('submit', (event) => {
  event.preventDefault();
  api.useToken(element('token').value);
  element('access').hidden = true;
  start();
});

/** Waits for the server to be ready, and lists its models. */
async function start() {
  try {
    const state = await api.health();
    view.showHealth(state);
    if (state !== 'ready') {
      setTimeout(start, 1000);
      return;
    }
    view.showModels(await api.models());
    view.showError('');
    classifyBoth();
  } catch (failed) {
    view.showError(failed.message);
    element('access').hidden = failed.status !== 401;
  }
}

start();
