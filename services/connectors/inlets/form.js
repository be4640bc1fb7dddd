/* Leadwire, for <form data-leadwire="CHANNEL" ...>: see docs/forms.md */
(function () {
  "use strict";
  var doc = document, here = window.location, KEPT = "leadwire_visit", TRAP = "leadwire_website";
  var own = doc.currentScript && doc.currentScript.src.replace(/form\.js([?#].*)?$/, "");
  var RU = {
    sent: "Спасибо! Мы получили ваше сообщение.",
    failed: "Не удалось отправить. Всё, что вы написали, на месте: попробуйте ещё раз.",
    busy: "Слишком много отправок. Попробуйте ещё раз через минуту."
  };
  var EN = {
    sent: "Thank you. We have received your message.",
    failed: "It could not be sent. What you wrote is still here: please try again.",
    busy: "Too many were sent. Please try again in a minute."
  };
  var words = /^ru/i.test(doc.documentElement.lang || "") ? RU : EN;

  function store(name, value) { // a browser may forbid it
    try {
      if (value !== undefined) window[name].setItem(KEPT, JSON.stringify(value));
      return JSON.parse(window[name].getItem(KEPT));
    } catch (error) { return null; }
  }

  function short(text) { return text.split("#")[0].slice(0, 500); }

  // Where the visitor first came from, kept for 30 days where the browser allows it.
  function firstTouch() {
    var seen = store("localStorage") || store("sessionStorage");
    if (seen && seen.at > Date.now() - 2592e6) return seen.tags;
    var tags = {}, found, pair = /[?&](utm_[a-z_]+|gclid|yclid)=([^&#]*)/g;
    while ((found = pair.exec(here.search))) {
      try { tags[found[1]] = short(decodeURIComponent(found[2].replace(/\+/g, " "))); } catch (damaged) {}
    }
    if (doc.referrer && doc.referrer.indexOf(here.origin + "/")) tags.referrer = short(doc.referrer);
    tags.landing_page = short(here.href);
    seen = { at: Date.now(), tags: tags };
    store("sessionStorage", seen);
    store("localStorage", seen);
    return tags;
  }

  // Beside the body: sent once more, what a person filled in is the same bytes.
  function address(form, tags, shown) {
    var to = form.getAttribute("action") || own + encodeURIComponent(form.getAttribute("data-leadwire"));
    var seconds = Math.floor((Date.now() - shown) / 1000);
    var told = Object.assign({ leadwire_seconds: seconds, page: short(here.href) }, tags);
    return to.split("#")[0] + (to.indexOf("?") < 0 ? "?" : "&") + new URLSearchParams(told);
  }

  function trap(form) {
    var box = doc.createElement("div"), field = doc.createElement("input");
    box.setAttribute("aria-hidden", "true");
    box.style.cssText = "position:absolute;left:-10000px;height:1px;width:1px;overflow:hidden";
    field.type = "text"; field.name = TRAP; field.tabIndex = -1; field.autocomplete = "off";
    box.appendChild(field);
    form.appendChild(box);
    return field;
  }

  function body(form, pressed, field) {
    field.disabled = !field.value;
    var data = new FormData(form);
    field.disabled = false;
    if (pressed && pressed.name) data.append(pressed.name, pressed.value);
    if (form.enctype === "multipart/form-data") return data;
    var flat = new URLSearchParams(), json = {};
    data.forEach(function (value, name) {
      value = typeof value === "string" ? value : value.name;
      flat.append(name, value);
      json[name] = name in json ? [].concat(json[name], value) : value;
    });
    return form.hasAttribute("data-json") ? JSON.stringify(json) : flat;
  }

  function say(form, state, text) {
    var box = form.querySelector("[data-leadwire-message]");
    if (!box) {
      box = doc.createElement("p");
      box.setAttribute("data-leadwire-message", "");
      form.appendChild(box);
    }
    box.setAttribute("role", state === "sent" ? "status" : "alert");
    box.textContent = text;
    form.setAttribute("data-state", state);
    form.dispatchEvent(new CustomEvent("leadwire:" + state, { bubbles: true }));
  }

  function done(form, told) {
    var next = form.getAttribute("data-redirect") || told.redirect;
    form.reset();
    say(form, "sent", form.getAttribute("data-sent") || told.message || words.sent);
    if (next) here.assign(next);
  }

  function lost(form, why) {
    say(form, "failed", form.getAttribute("data-failed") || words[why]);
  }

  function enhance(form) {
    if (form.getAttribute("data-state")) return;
    form.setAttribute("data-state", "ready");
    var tags = firstTouch(), shown = Date.now(), field = trap(form), pressed = null;
    form.addEventListener("click", function (event) {
      var button = event.target.closest && event.target.closest("button, input[type=submit]");
      if (button) pressed = button;
    });
    form.addEventListener("submit", function (event) {
      if (event.defaultPrevented) return;
      event.preventDefault();
      if (form.getAttribute("data-state") === "sending") return;
      var content = body(form, event.submitter || pressed, field);
      var headers = { Accept: "application/json" };
      if (typeof content === "string") headers["Content-Type"] = "application/json";
      say(form, "sending", "");
      fetch(address(form, tags, shown), { method: "POST", body: content, headers: headers, credentials: "omit" })
        .then(function (answer) {
          if (!answer.ok) return lost(form, answer.status === 429 ? "busy" : "failed");
          return answer.json().catch(function () { return {}; }).then(function (told) { done(form, told || {}); });
        })
        .catch(function () { lost(form, "failed"); });
    });
  }

  function start() {
    var forms = doc.querySelectorAll("form[data-leadwire]");
    for (var n = 0; n < forms.length; n++) enhance(forms[n]);
  }

  if (!window.fetch || !window.URLSearchParams || !Object.assign || !FormData.prototype.forEach) return;
  window.Leadwire = { enhance: enhance };
  if (doc.readyState === "loading") doc.addEventListener("DOMContentLoaded", start); else start();
})();
