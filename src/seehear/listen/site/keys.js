// The keyboard. One table per page: name of the key -> what it does.
//
// Names are those of the physical digit keys ("1", "shift+1") and of event.key in lower case.
// Fields that need a key for themselves keep it: text takes all, radio buttons and sliders take the
// arrows, buttons take Space and Enter (the player's own buttons leave Space to playing).

let table = {};

export function setKeys(next) {
  table = next;
}

export function keyName(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  const name = digit ? digit[1] : event.key === " " ? "space" : event.key.toLowerCase();
  return event.shiftKey && (digit || name.startsWith("arrow")) ? `shift+${name}` : name;
}

function belongsTo(target, name) {
  if (!(target instanceof HTMLElement)) return false;
  const type = target.tagName === "INPUT" ? target.type : target.tagName.toLowerCase();
  const arrows = /arrow|^home$|^end$|^page/.test(name);
  if (["text", "textarea", "select"].includes(type)) return true;
  if (type === "range") return arrows;
  if (type === "radio") return arrows || (name === "space" && !target.checked);
  if (type === "checkbox") return name === "space";
  if (["button", "a", "summary"].includes(type)) {
    return name === "enter" || (name === "space" && !target.closest("[data-transport]"));
  }
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = keyName(event);
  const action = table[name];
  if (!action || belongsTo(event.target, name)) return;
  event.preventDefault();
  if (!event.repeat || /arrow|page/.test(name)) action();
});
