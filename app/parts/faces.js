// Rows of faces. Pictures that did not change stay; the time from the event to the picture is this clock's own.
const STILL_MS = 120;  // without a new picture for so long, the rest of a coarse one is asked for
const waits = new WeakMap(), coarse = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const faces = parentElement.querySelector(".faces");
  clearTimeout(waits.get(faces));
  for (const gone of faces.querySelectorAll("section")) {
    if (!data.rows.some((row) => row.name === gone.dataset.name)) gone.remove();
  }
  faces.classList.toggle("single", data.rows.every((row) => row.alts.length === 1));
  data.rows.forEach((row, place) => fill(sectionOf(faces, row.name, place), row));
  const images = [...faces.querySelectorAll("img")];
  Promise.all(images.map((image) => image.decode().catch(() => null))).then(() => requestAnimationFrame(() => {
    tell(parentElement, faces, data);
    if (!data.complete) waits.set(faces, setTimeout(() => setTriggerValue("more", data.number ?? 0), STILL_MS));
  }));
}

function sectionOf(faces, name, place) {
  let section = [...faces.children].find((child) => child.dataset.name === name);
  if (!section) {
    section = document.createElement("section");
    section.dataset.name = name;
    section.append(document.createElement("p"), document.createElement("div"));
    section.firstChild.className = "name";
    section.firstChild.textContent = name;
    section.lastChild.className = "row";
  }
  if (faces.children[place] !== section) faces.insertBefore(section, faces.children[place] ?? null);
  return section;
}

function fill(section, row) {
  if (row.pictures === null) return;
  const line = section.lastChild;
  line.style.setProperty("--count", row.pictures.length);
  while (line.children.length > row.pictures.length) line.lastChild.remove();
  while (line.children.length < row.pictures.length) line.append(document.createElement("img"));
  row.pictures.forEach((picture, i) => {
    const image = line.children[i], source = `data:image/png;base64,${picture}`;
    image.alt = row.alts[i];
    if (image.getAttribute("src") !== source) image.src = source;
  });
}

// A coarse picture answers the event first, and the whole one later, when no event comes with it.
function tell(parentElement, faces, data) {
  const started = data.at !== null ? { at: data.at, number: data.number, first: null } : coarse.get(faces);
  coarse.delete(faces);
  if (!started) return;
  const taken = performance.now() - started.at;
  if (!data.complete) coarse.set(faces, { ...started, first: started.first ?? taken });
  const first = started.first === null ? "" : `${started.first.toFixed(0)} ms to a first picture, `;
  const what = data.complete ? "the picture" : "a first picture";
  parentElement.querySelector(".time").textContent = `${first}${taken.toFixed(0)} ms from the move to ${what}`;
  const detail = { taken, number: started.number, complete: data.complete };
  document.dispatchEvent(new CustomEvent("blendgan:shown", { detail }));
}
