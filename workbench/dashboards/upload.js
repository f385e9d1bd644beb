// A place to drop files on, or to choose them from. They go to the kernel piece by piece, each asked for by it, so that neither
// the browser nor the wire ever holds a whole file.

const PIECE = 2 * 1024 * 1024; // bytes; the server's wire takes 10 MB at once

function render({ model, el }) {
  const box = document.createElement("label");
  box.className = "wb-drop";
  const words = document.createElement("span");
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.setAttribute("aria-label", "Files to import");
  const said = document.createElement("p");
  said.className = "wb-note";
  said.setAttribute("role", "status");
  box.append(words, input);
  el.append(box, said);
  let files = [];

  const draw = () => {
    words.textContent = model.get("words");
    said.textContent = model.get("said");
    input.accept = model.get("endings").join(",");
    input.disabled = model.get("disabled");
    box.classList.toggle("wb-off", input.disabled);
  };
  const send = (chosen) => {
    files = [...chosen];
    input.value = "";
    if (files.length) model.send({ kind: "offer", files: files.map(({ name, size }) => ({ name, size })) });
  };
  const answer = async (message) => {
    if (message.kind !== "piece") return;
    const piece = files[message.file]?.slice(message.from, message.from + PIECE);
    try {
      model.send({ kind: "piece", file: message.file, from: message.from }, undefined, [await piece.arrayBuffer()]);
    } catch {
      model.send({ kind: "broken", file: message.file }); // gone or changed since it was chosen
    }
  };
  input.addEventListener("change", () => send(input.files));
  for (const kind of ["dragover", "drop", "dragleave"]) {
    box.addEventListener(kind, (event) => {
      event.preventDefault();
      box.classList.toggle("wb-over", kind === "dragover");
      if (kind === "drop") send(event.dataTransfer.files);
    });
  }
  for (const name of ["words", "said", "endings", "disabled"]) model.on(`change:${name}`, draw);
  model.on("msg:custom", answer);
  draw();
  return () => {
    model.off("msg:custom", answer);
    model.off(null, draw);
  };
}

export default { render };
