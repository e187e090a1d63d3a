for (const figure of document.querySelectorAll("figure.code")) {
  const commands = figure.querySelector("code");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + figure.querySelector("figcaption").textContent);
  const said = document.createElement("span");
  said.className = "said";
  said.setAttribute("role", "status");
  let timer;
  const tell = (word) => {
    button.textContent = word;
    said.textContent = word;
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2000);
  };
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(commands.textContent);
      tell("Copied");
    } catch {
      // Without HTTPS there is no clipboard: what is selected can be copied in the old way.
      getSelection().selectAllChildren(commands);
      tell(document.execCommand("copy") ? "Copied" : "Selected");
    }
  });
  figure.prepend(said, button);
}
