// The least of a browser that the drop-in script needs: a page with one form, and a network told what to say.
"use strict";
var window = globalThis;
var sent = [], events = [], replies = [], went = null;

function storage(forbidden) {
  var kept = {};
  return {
    getItem: function (name) { if (forbidden) throw new Error("forbidden"); return name in kept ? kept[name] : null; },
    setItem: function (name, value) { if (forbidden) throw new Error("forbidden"); kept[name] = value; }
  };
}

function Element(tag) {
  this.tag = tag;
  this.attributes = {};
  this.children = [];
  this.style = {};
  this.listeners = {};
  this.value = "";
}
Element.prototype = {
  getAttribute: function (name) { return name in this.attributes ? this.attributes[name] : null; },
  setAttribute: function (name, value) { this.attributes[name] = String(value); },
  hasAttribute: function (name) { return name in this.attributes; },
  appendChild: function (child) { this.children.push(child); return child; },
  addEventListener: function (name, listener) { this.listeners[name] = listener; },
  dispatchEvent: function (event) { events.push(event.type); },
  querySelector: function () {
    return this.children.find(function (child) { return child.hasAttribute("data-leadwire-message"); }) || null;
  },
  closest: function () { return this; },
  inputs: function () {
    return this.children.reduce(function (found, child) {
      return found.concat(child.tag === "input" ? [child] : child.inputs());
    }, []);
  },
  reset: function () { this.inputs().forEach(function (input) { input.value = ""; }); }
};

function FormData(form) {
  this.pairs = form.inputs().filter(function (input) { return !input.disabled; })
    .map(function (input) { return [input.name, input.value]; });
}
FormData.prototype = {
  append: function (name, value) { this.pairs.push([name, value]); },
  forEach: function (each) { this.pairs.forEach(function (pair) { each(pair[1], pair[0]); }); }
};

function URLSearchParams(from) {
  this.pairs = Object.keys(from || {}).map(function (name) { return [name, from[name]]; });
}
URLSearchParams.prototype = {
  append: FormData.prototype.append,
  toString: function () {
    return this.pairs.map(function (pair) { return pair.map(encodeURIComponent).join("="); }).join("&");
  }
};

function CustomEvent(type) { this.type = type; }

function fetch(address, given) {
  sent.push({ address: address, body: String(given.body), headers: given.headers, method: given.method });
  var reply = replies.shift();
  if (!reply) return Promise.reject(new TypeError("Failed to fetch"));
  return Promise.resolve({
    ok: reply.status < 400,
    status: reply.status,
    json: function () { return reply.told ? Promise.resolve(reply.told) : Promise.reject(new Error("no JSON")); }
  });
}

var form = new Element("form"), document, location, sessionStorage, localStorage;

function open(page) {
  location = {
    href: page.href,
    origin: page.href.split("/").slice(0, 3).join("/"),
    search: (page.href.match(/\?[^#]*/) || [""])[0],
    assign: function (next) { went = next; }
  };
  sessionStorage = storage(page.forbidden);
  localStorage = storage(page.forbidden);
  document = {
    currentScript: { src: "https://hub.example/in/form.js?v=1" },
    documentElement: { lang: page.lang || "" },
    referrer: page.referrer || "",
    readyState: "complete",
    createElement: function (tag) { return new Element(tag); },
    querySelectorAll: function () { return [form]; }
  };
  form = new Element("form");
  form.attributes = page.attributes;
  Object.keys(page.fields).forEach(function (name) {
    var input = form.appendChild(new Element("input"));
    input.name = name;
    input.value = page.fields[name];
  });
}

function fill(name, value) {
  form.inputs().forEach(function (input) { if (input.name === name) input.value = value; });
}

function press() {
  var event = { target: form, defaultPrevented: false, preventDefault: function () { this.defaultPrevented = true; } };
  form.listeners.submit(event);
  return event.defaultPrevented;
}

function seen() {
  var message = form.querySelector();
  var fields = {};
  form.inputs().forEach(function (input) { fields[input.name] = input.value; });
  return JSON.stringify({
    sent: sent, events: events, went: went, fields: fields,
    state: form.getAttribute("data-state"), said: message ? message.textContent : null
  });
}
