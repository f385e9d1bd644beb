// Gives the browser a file that the kernel made: no address of it exists on the server.

function render({ model, el }) {
  el.hidden = true;
  model.on("msg:custom", (message, buffers) => {
    if (message.kind !== "file") return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(buffers, { type: message.type }));
    link.download = message.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
}

export default { render };
