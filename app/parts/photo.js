// A photo with its redrawn parts over it; a line wipes between both. The photo comes once, then only its parts.
const states = new WeakMap();
const photos = new Map();  // by key, the last few: a page that is drawn anew may make a new canvas
const MOST_PHOTOS = 2;

export default function (component) {
  const { data, parentElement } = component;
  const canvas = parentElement.querySelector("canvas");
  let s = states.get(canvas);
  if (!s) {
    s = { photo: null, patches: [], share: 1, asked: 0, told: null, move: null };
    states.set(canvas, s);
    const wipe = parentElement.querySelector("input");
    wipe.addEventListener("input", () => { s.share = wipe.value / 100; draw(canvas, s); });
  }
  if (data.photo === null && !photos.has(data.key)) { component.setStateValue("held", ""); return; }
  const asked = ++s.asked;
  if (data.at !== null) s.move = { at: data.at, number: data.number };
  canvas.setAttribute("aria-label", data.alt);
  load(data).then(([photo, patches]) => {
    if (asked !== s.asked) return;  // a newer one is on its way
    Object.assign(s, { photo, patches });
    draw(canvas, s);
    if (data.photo !== null) component.setStateValue("held", data.key);
    requestAnimationFrame(() => tell(parentElement, s));
  });
}

async function load(data) {
  const photo = data.photo === null ? photos.get(data.key) : await picture(data.photo);
  photos.set(data.key, photo);
  if (photos.size > MOST_PHOTOS) photos.delete(photos.keys().next().value);
  const patches = await Promise.all(data.patches.map(async (patch) => ({ ...patch, image: await picture(patch.picture) })));
  return [photo, patches];
}

async function picture(text) {
  const image = new Image();
  image.src = `data:image/png;base64,${text}`;
  await image.decode();
  return image;
}

function draw(canvas, s) {
  if (!s.photo) return;
  const width = s.photo.naturalWidth, height = s.photo.naturalHeight;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const paper = canvas.getContext("2d"), edge = Math.round(width * s.share);
  paper.clearRect(0, 0, width, height);
  paper.drawImage(s.photo, 0, 0);
  paper.save();
  paper.beginPath();
  paper.rect(0, 0, edge, height);
  paper.clip();
  for (const patch of s.patches) {
    paper.clearRect(patch.left, patch.top, patch.image.naturalWidth, patch.image.naturalHeight);
    paper.drawImage(patch.image, patch.left, patch.top);
  }
  paper.restore();
  if (edge > 0 && edge < width) line(paper, edge, height);
}

function line(paper, x, height) {
  for (const [colour, width] of [["#000", 3], ["#fff", 1]]) {  // seen on light and dark
    paper.fillStyle = colour;
    paper.fillRect(x - width / 2, 0, width, height);
  }
}

// Each move is told once, though two runs answer one that was let go.
function tell(parentElement, s) {
  if (s.move === null || s.told === s.move.number) return;
  s.told = s.move.number;
  const taken = performance.now() - s.move.at;
  parentElement.querySelector(".time").textContent = `${taken.toFixed(0)} ms from the move to the picture`;
  document.dispatchEvent(new CustomEvent("blendgan:shown", { detail: { taken, number: s.told, complete: true } }));
}
