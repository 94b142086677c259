"use strict";

const find = id => document.getElementById(id);
const number = (value, digits = 0) => value.toLocaleString("en", {
  minimumFractionDigits: digits, maximumFractionDigits: digits,
});
const decibels = psnr => psnr === null ? "∞" : number(psnr, 2);
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

let about;            // what the program says of itself
let file;             // the picture
let running = false;  // whether it is in work
let again = false;    // whether the sliders have moved meanwhile

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("the program does not answer: has it been ended?");
  }
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function complain(text) {
  find("error").textContent = text && `error: ${text}`;
  find("error").hidden = !text;
}

// Work

function take(picture) {
  if (!picture) return;
  if (picture.size > about.bytes) {
    return complain(`${picture.name}: ${number(picture.size)} bytes, but ${number(about.bytes)} are the most`);
  }
  file = picture;
  encode();
}

const stop = () => ask("/stop", {method: "POST"}).catch(() => {});

async function encode() {
  if (!file) return;
  if (running) {
    again = true;
    stop();
    return;
  }
  running = true;
  const watch = setInterval(report, 300);
  report({stage: "sending", done: null});
  try {
    const asked = new URLSearchParams({quality: find("quality").value, effort: find("effort").value});
    await show(await ask(`/encode?${asked}`, {method: "POST", body: file}));
    complain("");
  } catch (error) {
    complain(`${file.name}: ${error.message}`);
    find("stage").textContent = "";
  }
  clearInterval(watch);
  running = false;
  find("progress").hidden = find("stop").hidden = true;
  if (again) {
    again = false;
    encode();
  }
}

async function report(known) {
  const {stage, done} = known ?? await ask("/progress").catch(() => ({stage: ""}));
  if (!running || !stage) return;
  find("stage").textContent = stage;
  find("progress").hidden = false;
  find("stop").hidden = done === null;
  if (done === null) find("progress").removeAttribute("value");
  else find("progress").value = done;
}

// Result

async function show(result) {
  const of = name => `/result/${result.id}/${name}`;
  const names = {original: "original"};
  for (const {layer, name, psnr} of result.codecs) if (layer) names[layer] = `${name}, ${decibels(psnr)} dB`;
  if (result.bits) names.bits = "bits per block";

  const images = Object.keys(names).map(name => make("img", {className: name, alt: "", draggable: false}));
  images.forEach(image => image.dataset.source = of(`${image.className}.png`));
  const layers = find("layers");
  const chosen = {left: names.jpeg ? "jpeg" : "original", right: "decoded"};
  for (const side of ["left", "right"]) {
    const select = find(side), before = select.value;
    select.replaceChildren(...Object.entries(names).map(([value, text]) => make("option", {value, text})));
    select.value = before in names ? before : chosen[side];
  }
  const first = images.filter(image => [find("left").value, find("right").value].includes(image.className));
  first.forEach(load);
  await Promise.all(first.map(image => image.decode()));  // What is shown stays until then.
  layers.replaceChildren(...images);
  layers.style.setProperty("--ratio", result.width / result.height);
  layers.dataset.width = result.width;
  if (result.bits) {
    const {block, highest, colours} = result.bits;
    find("colours").style.background = `linear-gradient(to right, ${colours})`;
    find("scale-text").textContent = `bits of each block of ${block}×${block} pixels`;
    find("highest").textContent = `${number(highest)} and more`;
  }
  tabulate(result);
  find("drop").hidden = true;
  find("result").hidden = find("another").hidden = false;
  size();
  choose();
}

function tabulate(result) {
  find("table").replaceChildren(...result.codecs.map(codec => {
    const cells = codec.layer
      ? [number(codec.bytes), number(codec.bpp, 3), decibels(codec.psnr),
         codec.ms_ssim === null ? "–" : number(codec.ms_ssim, 4)].map(text => make("td", {}, text))
      : [make("td", {colSpan: 4}, "has no file this small")];
    return make("tr", {}, make("th", {scope: "row"}, codec.name), ...cells);
  }));
  const size = `${result.width}×${result.height}`;
  find("stage").textContent = `${file.name}: ${size} pixels, encoded in ${number(result.seconds, 1)} s`;
  const notes = result.notes.map(note => `warning: ${note}`);
  if (!result.bits) notes.push("The map of bits is left out: the picture is too large for it.");
  find("notes").textContent = notes.join("\n");
  find("download").textContent = `download .alic, ${number(result.codecs[0].bytes)} bytes`;
  find("download").href = `/result/${result.id}/file.alic`;
  find("download").download = `${file.name.replace(/\.[^.]*$/, "")}.alic`;
}

const load = image => image.src ||= image.dataset.source;

function choose() {
  for (const image of find("layers").children) {
    for (const side of ["left", "right"]) {
      const on = find(side).value === image.className.split(" ")[0];
      image.classList.toggle(side, on);
      if (on) load(image);
    }
  }
  find("scale").hidden = ![find("left").value, find("right").value].includes("bits");
}

function split(percent) {
  find("split").value = percent;
  find("layers").style.setProperty("--x", `${find("split").value}%`);
}

function size() {
  const actual = find("actual").checked, layers = find("layers");
  find("window").classList.toggle("actual", actual);
  layers.style.width = actual ? `${layers.dataset.width / devicePixelRatio}px` : "";
}

// Controls

for (const name of ["quality", "effort"]) {
  const tell = () => find(`${name}-value`).textContent = find(name).value;
  find(name).oninput = tell;
  find(name).onchange = encode;
  tell();
}
for (const name of ["left", "right"]) find(name).onchange = choose;
find("controls").onsubmit = event => event.preventDefault();
find("split").oninput = () => split(find("split").value);
find("actual").onchange = size;
find("stop").onclick = stop;
find("layers").onpointermove = event => {
  const box = find("layers").getBoundingClientRect();
  split(100 * (event.clientX - box.left) / box.width);
};
for (const input of document.querySelectorAll(".file")) {
  input.onchange = () => {
    take(input.files[0]);
    input.value = "";  // The same picture may be chosen again.
  };
}
document.ondragover = event => {
  event.preventDefault();
  document.body.classList.add("over");
};
document.ondragleave = () => document.body.classList.remove("over");
document.ondrop = event => {
  event.preventDefault();
  document.body.classList.remove("over");
  take(event.dataTransfer.files[0]);
};
addEventListener("pagehide", () => running && navigator.sendBeacon("/stop"));

ask("/about").then(found => {
  about = found;
  find("model").textContent = `model ${about.model}`;
  find("quality").max = about.qualities;
  find("quality").disabled = about.qualities === 1;
  find("effort").max = about.efforts;
  find("limits").textContent =
    `up to ${about.bytes >> 20} MiB and ${about.pixels >> 20} megapixels; it stays on this machine`;
}, error => complain(error.message));
